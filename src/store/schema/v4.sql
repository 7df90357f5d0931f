-- Version 4. `explain FOLDER/UID` finds its row without reading the whole ledger. UIDs ascend, so each row is added at the
-- end of either index.
CREATE INDEX ledger_source_uid ON ledger (source_uid);
CREATE INDEX ledger_destination_uid ON ledger (destination_uid) WHERE destination_uid IS NOT NULL;

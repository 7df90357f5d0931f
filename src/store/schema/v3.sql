-- Version 3. Where names of people, lists and messages are kept as pseudonyms (`privacy = "hashed"`), one row says so.
CREATE TABLE pseudonym (
    proof TEXT NOT NULL,   -- tells whether a key is the one the pseudonyms were made with
    clean INTEGER NOT NULL -- 0 while free pages and the log may still hold names in clear
) STRICT;

#!/bin/sh
# Runs Courier IMAP inside mount and process namespaces made by tests/support/courier.rs.
#   courier.sh TREE ROOT PORT TLS_PORT IDLE_SECONDS
# TREE holds the unpacked packages, ROOT the configuration and the mail.
set -eu
tree=$1 root=$2 port=$3 tls_port=$4 idle=$5

mount -t proc proc /proc
mount -t overlay postroom -o "lowerdir=$root/etc:$tree/etc:/etc" /etc
mount -t overlay postroom -o "lowerdir=$tree/usr/lib:$tree/lib:/usr/lib" /usr/lib
mount --bind "$root/etc/courier" /etc/courier
mount --bind "$root/run" /run
# The users' records as a database; the overlay above is where this script's own tools are found.
chown root "$root/etc/courier/userdb"
"$tree/usr/sbin/makeuserdb"
/usr/lib/courier/courier-authlib/authdaemond &

# Without IMAP_USELOCKS: with it, two sessions that meet in one folder wait up to 35 seconds for each other.
set -a
IMAP_CAPABILITY='IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE'
IMAP_CAPABILITY_TLS="$IMAP_CAPABILITY AUTH=PLAIN"
IMAP_IDLE_TIMEOUT=$idle
IMAP_KEYWORDS=1
IMAP_ACL=1
IMAP_ENHANCEDIDLE=0
IMAP_USELOCKS=0
IMAP_UMASK=022
IMAP_TRASHFOLDERNAME=Trash
IMAP_MAILBOX_SANITY_CHECK=1
IMAP_TLS_REQUIRED=0
MAILDIRPATH=Maildir
COURIERTLS=$tree/usr/bin/couriertls
TLS_CERTFILE=$root/tls/both.pem
TLS_VERIFYPEER=NONE
set +a

serve() {
    "$tree/usr/sbin/couriertcpd" -address=127.0.0.1 -maxprocs=60 -maxperip=60 -nodnslookup -noidentlookup "$@"
}
IMAP_STARTTLS=YES serve "$port" /usr/lib/courier/courier/imaplogin "$tree/usr/bin/imapd" Maildir &
IMAP_TLS=1 serve "$tls_port" "$COURIERTLS" -server -tcpd /usr/lib/courier/courier/imaplogin "$tree/usr/bin/imapd" Maildir &
wait

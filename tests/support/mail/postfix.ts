// Configuration of a postfix 3.7 of our own: a submission service for its users, and a mail exchanger for strangers' mail, which adds the
// results of a sender check above its own trace, as a filter in front of a mailbox does.

/** Domain whose mail it takes; every name in it is a mailbox, but `nobody` and what begins with it. */
export const MAIL_DOMAIN = 'herald.test';
/** Name of the server, and of whom it says to be in Authentication-Results. */
export const MAIL_HOST = 'mail.herald.test';
/** Mail of senders in this domain gets no results, as from a server that checks nothing. */
export const UNCHECKED_DOMAIN = 'unchecked.test';
/** Larger mails are refused with 552. */
export const MAX_MAIL_BYTES = 3 * 1024 * 1024;

export interface PostfixPorts {
  /** Submission with STARTTLS and login. */
  submission: number;
  /** Submission with login and without TLS, so that faults can be put between. */
  plain: number;
  /** Mail exchanger: no login. */
  exchanger: number;
}

export function makeMainConfig(folder: string, ports: { lmtp: number; sasl: number }): string {
  return `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/queue-data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = ${folder}/postfix.log
maillog_file_prefixes = ${folder}
myhostname = ${MAIL_HOST}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
virtual_mailbox_domains = ${MAIL_DOMAIN}
virtual_mailbox_maps = regexp:${folder}/postfix/mailboxes
virtual_transport = lmtp:inet:127.0.0.1:${ports.lmtp}
lmtp_destination_concurrency_limit = 1
lmtp_initial_destination_concurrency = 1
default_transport = error:no outside mail from this test server
relay_transport = error:no outside mail
smtputf8_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${ports.sasl}
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = ${folder}/cert.pem
smtpd_tls_key_file = ${folder}/key.pem
smtpd_tls_security_level = may
smtpd_sender_restrictions = check_sender_access regexp:${folder}/postfix/senders
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
message_size_limit = ${MAX_MAIL_BYTES}
`;
}

/** Which mailboxes there are. */
export const MAILBOXES = `if !/^nobody/
/@/ ok
endif
`;

/** What the check of a sender says: whoever gives an address as the envelope's sender is believed to send from its domain. */
export const SENDERS = `/@${UNCHECKED_DOMAIN.replace('.', '\\.')}$/ DUNNO
/@(.+)$/ PREPEND Authentication-Results: ${MAIL_HOST}; spf=pass smtp.mailfrom=$1
`;

export function makeMasterConfig(ports: PostfixPorts): string {
  const login = (tls: string) => `  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_security_level=${tls}
  -o smtpd_sender_restrictions=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=reject_unlisted_recipient,permit_sasl_authenticated,reject`;
  return `
127.0.0.1:${ports.exchanger} inet n - n - - smtpd
127.0.0.1:${ports.submission} inet n - n - - smtpd
${login('encrypt')}
127.0.0.1:${ports.plain} inet n - n - - smtpd
${login('none')}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
}

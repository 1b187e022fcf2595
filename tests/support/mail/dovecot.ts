// Configuration of a dovecot 2.3 of our own: IMAP with and without TLS, LMTP for what postfix delivers, and SASL for its logins.
// Every user exists, with the password `secret-of-<user>`. A block may not stand on one line.

export interface DovecotPorts {
  imap: number;
  imaps: number;
  lmtp: number;
  sasl: number;
}

export function makeDovecotConfig(folder: string, ports: DovecotPorts): string {
  return `
base_dir = ${folder}/dovecot/run
state_dir = ${folder}/dovecot/run
log_path = ${folder}/dovecot/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_home = ${folder}/vmail/%n
mail_uid = 5000
mail_gid = 5000
first_valid_uid = 5000
ssl = yes
ssl_cert = <${folder}/cert.pem
ssl_key = <${folder}/key.pem
auth_username_format = %n
mail_max_userip_connections = 100
mailbox_idle_check_interval = 1 secs
passdb {
  driver = static
  args = password=secret-of-%n
}
userdb {
  driver = static
  args = uid=5000 gid=5000 home=${folder}/vmail/%n allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
  mailbox Projects {
    auto = create
  }
}
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
  service_count = 0
}
service imap {
  service_count = 100
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${ports.lmtp}
  }
}
service auth {
  client_limit = 5000
  inet_listener {
    address = 127.0.0.1
    port = ${ports.sasl}
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 00
  }
}
`;
}

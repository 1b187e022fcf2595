// Mails that are no message of anybody to us, or none that can be read.

const HEAD = 'To: bot@herald.test\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n';

export const BROKEN_MAILS: readonly (string | Buffer)[] = [
  '',
  '\r\n\r\n',
  'no header at all, only text\r\n',
  `${HEAD}Subject: no sender\r\n\r\ntext\r\n`,
  `${HEAD}From: \r\n\r\nempty sender\r\n`,
  `${HEAD}From: undisclosed-recipients:;\r\n\r\na group\r\n`,
  `${HEAD}From: a@x.test, b@x.test\r\n\r\ntwo senders\r\n`,
  `${HEAD}From: a@x.test\r\nFrom: b@x.test\r\n\r\ntwo fields\r\n`,
  `${HEAD}From: "a@x.test" <b@x.test> <c@x.test>\r\n\r\ntwo brackets\r\n`,
  `${HEAD}From: =?utf-8?B?PGJvc3NAeC50ZXN0Pg==?=\r\n\r\nan encoded address\r\n`,
  `${HEAD}From: a@x.test\r\n\r\n`,
  `${HEAD}From: a@x.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x--\r\n`,
  `${HEAD}From: a@x.test\r\nContent-Type: multipart/mixed\r\n\r\n`,
  `${HEAD}From: MAILER-DAEMON@x.test\r\n\r\nbounced\r\n`,
  `${HEAD}From: no-reply@x.test\r\n\r\nno reply\r\n`,
  `${HEAD}From: a@x.test\r\nList-Id: <list.x.test>\r\n\r\na list\r\n`,
  Buffer.concat([
    Buffer.from(`${HEAD}From: \xff\xfe <a\x00b@x.test>\r\n\r\n`, 'latin1'),
    Buffer.from([0, 255, 254, 13, 10]),
  ]),
];

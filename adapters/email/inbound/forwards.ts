// Mails that hand on what somebody else wrote. Those words carry no authority, whoever forwards them.

export interface Forward {
  /** Who wrote what is handed on, as far as it says. */
  author: string | undefined;
}

const MARKS: readonly RegExp[] = [
  /^-{2,}\s*(?:forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato|doorgestuurd bericht|mensagem encaminhada|vidarebefordrat meddelande|przekazana wiadomość)\s*-{2,}$/i,
  /^(?:begin forwarded message|anfang der weitergeleiteten (?:e-mail|nachricht)|début du message (?:transféré|réexpédié)|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht)\s?:?$/i,
];
/** What clients put before the subject of a mail that is handed on. */
const SUBJECT = /^\s*(?:fwd?|wg|tr|rv|enc|i|doorst|vb|vs)\s*:/i;
/** First line of the headers of the mail that is handed on. */
const FROM = /^\*?(?:from|von|de|da|van|från|fra|od)\*?\s?:\s*(.+)$/i;

/** Whether a mail forwards another in its text; undefined when it does not. */
export function findForward(text: string, subject: string): Forward | undefined {
  const lines = text
    .slice(0, 200_000)
    .split(/\r?\n/)
    .map((line) => line.replace(/^(?:> ?)+/, '').trim());
  const mark = lines.findIndex((line) => line.length < 200 && MARKS.some((pattern) => pattern.test(line)));
  const isNamed = SUBJECT.test(subject);
  if (mark < 0 && !isNamed) return undefined;
  const from = lines.slice(Math.max(0, mark)).find((line) => line.length < 400 && FROM.test(line));
  // Some subjects begin like that by chance.
  if (mark < 0 && from === undefined) return undefined;
  return { author: from === undefined ? undefined : readName(FROM.exec(from)?.[1] ?? '') };
}

function readName(value: string): string | undefined {
  const name = value
    .replace(/<[^>]*>?|\[[^\]]*\]?|["*]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return (name || value.replace(/[<>"*]/g, '').trim()).slice(0, 80) || undefined;
}

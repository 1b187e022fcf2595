// What the SDK logs, into our log: warnings only, shortened, without secrets. Its debug lines hold whole messages and are dropped.
import { LogLevel, type Logger as SdkLogger } from '@slack/bolt';
import type { Logger } from '../../shared/log.ts';
import type { Redactor } from '../../shared/redact.ts';
import { preview } from '../../shared/text.ts';

const MAX_CHARS = 300;

export function makeSdkLogger(log: () => Logger, redactor: Redactor): SdkLogger {
  const tell = (...parts: unknown[]) => {
    const text = parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ');
    log().debug({ sdk: preview(redactor.redact(text), MAX_CHARS) }, 'the SDK says');
  };
  return {
    debug() {},
    info() {},
    warn: tell,
    error: tell,
    setLevel() {},
    getLevel: () => LogLevel.WARN,
    setName() {},
  };
}

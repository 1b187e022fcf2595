// Wake-ups inside the process. What is to be done stands in the database, and a lost wake-up is made good at start.
import type { InboxRow } from '../data/process/inbox.ts';
import type { SessionId } from '../shared/ids.ts';
import type { Address } from '../shared/messages.ts';

interface Topics {
  /** This row was committed to the inbox. */
  inbox: InboxRow;
  /** A session has queued rows. */
  session: SessionId;
  /** A chat has something to send. */
  outbox: Address;
  /** What was due in a chat was sent, or has ended otherwise. */
  settled: Address;
}

export interface Bus {
  on<Topic extends keyof Topics>(topic: Topic, listener: (value: Topics[Topic]) => void): void;
  emit<Topic extends keyof Topics>(topic: Topic, value: Topics[Topic]): void;
}

export function makeBus(): Bus {
  const listeners: { [Topic in keyof Topics]: ((value: Topics[Topic]) => void)[] } = {
    inbox: [],
    session: [],
    outbox: [],
    settled: [],
  };
  return {
    on(topic, listener) {
      listeners[topic].push(listener);
    },
    emit(topic, value) {
      for (const listener of listeners[topic]) listener(value);
    },
  };
}

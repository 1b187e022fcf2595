// Voice as the gateway's core knows it: the engines come from outside, and are joined here with what happens to messages.
import type { VoiceEngines } from './engines.ts';
import { makeListener, type Listener, type ListenerPorts } from './listener.ts';
import { makeVoiceReplies, type VoiceReplies, type VoiceRepliesPorts } from './replies.ts';

export interface Voice extends Listener, VoiceReplies {}

type CorePorts = Omit<ListenerPorts, keyof VoiceEngines> &
  Omit<VoiceRepliesPorts, keyof VoiceEngines | keyof ListenerPorts | 'capabilities'>;

export function makeVoice(engines: VoiceEngines, core: CorePorts): Voice {
  const ports = { ...core, ...engines };
  return {
    ...makeListener(ports),
    ...makeVoiceReplies({ ...ports, capabilities: (at) => core.platforms.capabilities(at) }),
  };
}

// Voice as the gateway's core knows it: the engines come from outside, and are joined here with what happens to messages.
import type { VoiceSettings } from '../../config/voice.ts';
import type { Programs } from './audio/programs.ts';
import { makeListener, type Listener, type ListenerPorts } from './listener.ts';
import { makeVoiceReplies, type VoiceReplies, type VoiceRepliesPorts } from './replies.ts';
import type { Speaker } from './speech/speaker.ts';
import type { Transcriber } from './transcription/transcriber.ts';

/** Engines for both directions. `settings` changes with a reload of the configuration. */
export interface VoiceEngines {
  transcriber: Transcriber;
  speaker: Speaker;
  /** Other programs on this machine. */
  programs: Programs;
  settings(): VoiceSettings;
}

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

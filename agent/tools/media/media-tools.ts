// The media tools, made once per process. Nothing is opened or loaded before the first call.
import { makeFileAccess, type FileToolsDeps } from '../files/access.ts';
import type { Tool } from '../tool.ts';
import { makeImageTool, type ImageToolDeps } from './image-generate.ts';
import type { MediaPorts } from './ports.ts';
import { makeVisionTool, type VisionDeps } from './vision.ts';
import { makeSpeechTool, makeTranscribeTool } from './voice-tools.ts';

export interface MediaToolDeps extends Pick<ImageToolDeps, 'budget' | 'lookup'>, Pick<VisionDeps, 'meter' | 'guard'> {
  images: ImageToolDeps['settings'];
  /** As for the tools for files. */
  files: FileToolsDeps;
  visionChain: VisionDeps['chain'];
  ports: MediaPorts;
}

/** vision_analyze, image_generate, text_to_speech and transcribe, in this order. */
export function makeMediaTools(deps: MediaToolDeps): readonly Tool[] {
  const { ports, files } = deps;
  const access = makeFileAccess(files);
  const { clock, checkpoints } = files;
  return [
    makeVisionTool({ ...deps, chain: deps.visionChain, access, clock }),
    makeImageTool({ ...deps, settings: deps.images, access, checkpoints, clock }),
    makeSpeechTool(ports),
    makeTranscribeTool(ports, access),
  ];
}

// POST /v1/audio/transcriptions: https://platform.openai.com/docs/api-reference/audio (read 2026-11-21), with the engines of this Herald.
import { AppError } from '../../shared/errors.ts';
import type { AdapterHost } from '../contract.ts';
import { json, problemAnswer } from './answers.ts';

export async function transcribe(host: AdapterHost, request: Request): Promise<Response> {
  const form = await request.formData().catch(() => {
    throw new AppError('bad_input', 'Send the recording as multipart/form-data, in the field file.');
  });
  const file = form.get('file');
  if (!(file instanceof Blob) || file.size === 0) throw new AppError('bad_input', 'The field file holds no recording.');
  const format = form.get('response_format') ?? 'json';
  if (format !== 'json' && format !== 'text') {
    const message = 'response_format can be json or text here.';
    const problem = { status: 400, type: 'invalid_request_error', code: 'unsupported_parameter', message } as const;
    return problemAnswer({ ...problem, param: 'response_format' });
  }
  const name = 'name' in file && typeof file.name === 'string' ? file.name : 'audio';
  const stored = await host.storeUpload(name, file.type === '' ? 'application/octet-stream' : file.type, file.stream());
  const text = await host.transcribe(stored, request.signal);
  return format === 'text' ? new Response(text) : json(200, { text });
}

// GET /v1/models: the agent is one model. Which real model answers is settled in Herald, not by its clients.
import { json, problemAnswer } from './answers.ts';

export const MODEL = 'herald';

const model = { id: MODEL, object: 'model', created: Date.UTC(2026, 10, 21) / 1000, owned_by: 'herald' };

export function listModels(): Response {
  return json(200, { object: 'list', data: [model] });
}

export function showModel(id: string): Response {
  return id === MODEL ? json(200, model) : unknownModel(id);
}

export function unknownModel(id: string): Response {
  const message = `There is no model ${JSON.stringify(id.slice(0, 100))} here; the agent is called ${MODEL}.`;
  return problemAnswer({
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    message,
    param: 'model',
  });
}

// Matrix, through the Client-Server API of any homeserver.
import { defineManifest } from '../contract.ts';
import { matrixSettings, type MatrixSettings } from './settings.ts';

export const matrixManifest = defineManifest<MatrixSettings>({
  id: 'matrix',
  title: 'Matrix',
  secrets: [{ key: 'access_token', env: 'MATRIX_ACCESS_TOKEN', required: true }],
  settings: matrixSettings,
  builtin: false,
  load: async () => (await import('./adapter.ts')).makeMatrixAdapter,
  verify: async ({ settings, fetch }, signal) =>
    (await import('./setup/verify.ts')).checkAccount(settings, fetch, signal),
  login: async () => (await import('./setup/login.ts')).login,
});

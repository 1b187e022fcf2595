// Chooses the transport of an account. Neither loads its library before it starts.
import type { Adapter, AdapterInput } from '../contract.ts';
import { AppError } from '../../shared/errors.ts';
import { makeCloudAdapter } from './cloud/adapter.ts';
import { cloudSettingsOf, type WhatsAppSettings } from './settings.ts';
import { makeWebAdapter } from './web/adapter.ts';

export function makeWhatsAppAdapter(input: AdapterInput<WhatsAppSettings>): Adapter {
  if (input.settings.transport === 'device') return makeWebAdapter(input);
  const settings = cloudSettingsOf(input.settings);
  if (!settings)
    throw new AppError('config_invalid', 'WhatsApp (transport: cloud) lacks settings; see `herald config`.');
  return makeCloudAdapter(input, settings);
}

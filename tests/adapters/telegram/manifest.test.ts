import { describe, expect, it } from 'vitest';
import { makeBotCommands } from '../../../adapters/telegram/commands.ts';
import { telegramManifest } from '../../../adapters/telegram/manifest.ts';
import { telegramSettings } from '../../../adapters/telegram/settings.ts';
import { accountId } from '../../../shared/ids.ts';
import { startBotApi } from '../../support/bot-api.ts';

const token = '123456789:abcdefghijklmnopqrstuvwxyz_012345678';

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = telegramSettings.parse({ token: ` ${token} `, api_root: 'http://localhost:8081/' });
    expect(settings).toEqual({ token, api_root: 'http://localhost:8081', streaming: 'draft', rate_limit: true });
    expect(telegramSettings.parse(settings)).toEqual(settings);
    expect(telegramManifest.accountOf?.(settings)).toBe('123456789');
  });

  it.each([
    [{ token: 'nonsense' }],
    [{ token, tokn: 'x' }],
    [{ token, api_root: 'ftp://x' }],
    [{ token, streaming: 'yes' }],
    [{ token, webhook: { url: 'http://plain.example/', secret: 'x'.repeat(20) } }],
    [{ token, webhook: { url: 'https://a.example/', secret: 'short' } }],
    [{ token, webhook: { url: 'https://a.example/', secret: 'with spaces in it, not allowed' } }],
  ])('refuse %j', (settings) => {
    expect(telegramSettings.safeParse(settings).success).toBe(false);
  });
});

describe('verify', () => {
  const check = (settings: Record<string, unknown>) =>
    telegramManifest.verify?.(
      { platform: 'telegram', account: accountId('1'), settings, fetch },
      AbortSignal.timeout(5_000),
    );

  it('says who the bot is, or what is wrong, and never the token', async () => {
    const api = await startBotApi();
    try {
      expect(await check({ token: api.token, api_root: api.url })).toMatchObject({
        ok: true,
        name: '@herald_test_bot',
      });
      const wrong = await check({ token, api_root: api.url });
      expect(wrong).toMatchObject({ ok: false, reason: 'auth' });
      await api.goAway();
      const away = await check({ token, api_root: api.url });
      expect(away).toMatchObject({ ok: false, reason: 'unreachable' });
      expect(JSON.stringify([wrong, away])).not.toContain(token.slice(10));
    } finally {
      await api.close();
    }
  });
});

describe('makeBotCommands', () => {
  it('fits names and descriptions to the rules, keeps the order, and drops what does not fit', () => {
    const commands = [
      { name: 'Help', description: '  Show\nhelp ' },
      { name: 'prompt-size', description: '' },
      { name: 'héllo', description: 'x' },
      { name: 'help', description: 'twice' },
      { name: 'long', description: 'x'.repeat(400) },
    ];
    expect(makeBotCommands(commands)).toEqual([
      { command: 'help', description: 'Show help' },
      { command: 'prompt_size', description: 'prompt-size' },
      { command: 'long', description: `${'x'.repeat(255)}…` },
    ]);
    expect(makeBotCommands(Array.from({ length: 150 }, (_, i) => ({ name: `c${i}`, description: 'x' })))).toHaveLength(
      100,
    );
  });
});

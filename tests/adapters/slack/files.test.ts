import { describe, expect, it } from 'vitest';
import { isSlackUrl } from '../../../adapters/slack/hosts.ts';
import { DEFAULT_API_ROOT } from '../../../adapters/slack/settings.ts';
import { BOT_TOKEN } from '../../support/slack/workspace.ts';
import { onStage, type Stage } from './stage.ts';

/** A document that Ada sent, as the core knows it. */
async function receiveFile({ slack, record }: Stage) {
  await slack.ada.say(slack.ada.dm, 'see', {
    file: { name: 'a.txt', mime: 'text/plain', bytes: new Uint8Array([65]) },
  });
  const message = await record.waitFor((one) => one.attachments.length > 0);
  const [file] = message.attachments;
  if (!file) throw new Error('no file');
  return file;
}

/** What files.info answers. */
const says = (url: string) => ({
  method: 'files.info',
  raw: JSON.stringify({ ok: true, file: { id: 'F1', url_private: url } }),
});

describe('addresses', () => {
  it.each([
    ['https://files.slack.com/files-pri/T1-F1/a.png', true],
    ['https://slack.com/x', true],
    ['https://files.slack-gov.com/x', true],
    ['http://files.slack.com/x', false],
    ['https://files.slack.com:8443/x', false],
    ['https://files.slack.com.evil.example/x', false],
    ['https://evilslack.com/x', false],
    ['https://files.slack.com@evil.example/x', false],
    ['https://user:pass@files.slack.com/x', false],
    ['https://evil.example/files.slack.com', false],
    ['http://169.254.169.254/latest', false],
    ['file:///etc/passwd', false],
    ['//files.slack.com/x', false],
    ['', false],
  ])('%j gets our token: %j', (url, expected) => {
    expect(isSlackUrl(url, DEFAULT_API_ROOT)).toBe(expected);
  });

  it('of another api_root are those of its origin too', () => {
    expect(isSlackUrl('http://127.0.0.1:4711/files/x', 'http://127.0.0.1:4711/api')).toBe(true);
    expect(isSlackUrl('http://127.0.0.1:4712/files/x', 'http://127.0.0.1:4711/api')).toBe(false);
    expect(isSlackUrl('http://127.0.0.1:4711/files/x', DEFAULT_API_ROOT)).toBe(false);
  });
});

describe('opening a file', () => {
  it('does not go anywhere but to Slack', async () => {
    const asked: string[] = [];
    const watched: typeof fetch = (input, init) => {
      asked.push(input instanceof Request ? input.url : String(input));
      return fetch(input, init);
    };
    await onStage({ fetch: watched }, async (stage) => {
      const { slack, adapter } = stage;
      const file = await receiveFile(stage);
      for (const url of [
        'http://169.254.169.254/latest',
        'https://evil.example/x',
        `${slack.origin}@evil.example/`,
        '',
      ]) {
        slack.fail(says(url));
        await expect(adapter.open(file, AbortSignal.timeout(5_000))).rejects.toMatchObject({ name: 'AppError' });
      }
      expect(asked.filter((url) => !url.startsWith(slack.origin) || url.includes('@'))).toEqual([]);
    });
  });

  it('says what is wrong when Slack gives a page, or nothing', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const file = await receiveFile(stage);
      const open = () => adapter.open(file, AbortSignal.timeout(5_000));
      slack.fail({ method: 'download', raw: '<html>Log in</html>' });
      await expect(open()).rejects.toMatchObject({
        code: 'not_allowed',
        publicMessage: expect.stringContaining('files:read'),
      });
      slack.fail({ method: 'download', status: 404 });
      await expect(open()).rejects.toMatchObject({ code: 'not_found' });
      slack.fail({ method: 'download', status: 500 });
      await expect(open()).rejects.toMatchObject({ code: 'platform_unreachable', retryable: true });
      slack.fail({ method: 'download', drop: 'before' });
      await expect(open()).rejects.toMatchObject({ code: 'platform_unreachable' });
      slack.fail({ method: 'files.info', error: 'missing_scope', more: { needed: 'files:read' } });
      const refused: unknown = await open().catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'not_allowed', publicMessage: expect.stringContaining('files:read') });
      expect(JSON.stringify(refused)).not.toContain(BOT_TOKEN);
      expect(await new Response(await open()).text()).toBe('A');
    }));

  it('does not follow to a page for logging in', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const file = await receiveFile(stage);
      slack.fail({ method: 'download', status: 302 });
      await expect(adapter.open(file, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'not_allowed' });
    }));
});

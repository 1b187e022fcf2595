// Which addresses get files of ours, or our token: Slack's own, and the one that the owner set as api_root.
import { DEFAULT_API_ROOT } from './settings.ts';

/** slack-gov.com: GovSlack, https://docs.slack.dev/govslack, read 2026-11-21. */
const SLACK_HOST = /^(?:[a-z0-9-]+\.)*slack(?:-gov)?\.com$/;

export function isSlackUrl(text: string, apiRoot: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return false;
  if (apiRoot !== DEFAULT_API_ROOT && url.origin === new URL(apiRoot).origin) return true;
  return url.protocol === 'https:' && url.port === '' && SLACK_HOST.test(url.hostname);
}

// The views beside the chat in a real headless Chromium, and the same by the API: the real gateway as a process, with what two people left in it.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { browserMissing, inPage, openBrowser, openPage, until } from './browser-support.ts';
import { openPanelGateway, type Member, type PanelGateway } from './panel-home.ts';

let opened: PanelGateway;
beforeAll(async () => {
  opened = await openPanelGateway();
}, 60_000);
afterAll(() => opened?.close());

const where = browserMissing === undefined ? 'in Chromium' : `(skipped: ${browserMissing})`;

describe.skipIf(browserMissing !== undefined)(`the views beside the chat ${where}`, { timeout: 60_000 }, () => {
  let browser: Browser;
  const problems: string[] = [];
  const states = new Map<Member, Awaited<ReturnType<Awaited<ReturnType<typeof openFor>>['state']>>>();
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    expect(problems.splice(0)).toEqual([]);
  });

  /** A browser of the member: joined by the link the first time, known by its cookie from then on. */
  async function openFor(member: Member, view: string, options: BrowserContextOptions = {}) {
    const known = states.get(member);
    const suffix = known ? `/#${view}` : `/#link=${member.link}`;
    const page = await openPage(browser, opened.gateway.url + suffix, {
      options: { ...options, ...(known && { storageState: known }) },
      problems,
    });
    const state = () => page.context().storageState();
    await page.locator('#views').waitFor();
    if (!known) {
      states.set(member, await state());
      await page.evaluate(`location.hash = '${view}'`);
    }
    return { page, state };
  }

  const show = async (page: Page, view: string) => page.locator('#views').getByRole('link', { name: view }).click();

  it('makes a job by the form after its plan was seen, shows it in the week, and pauses it', async () => {
    const { page } = await openFor(opened.owner, 'chat');
    await show(page, 'Schedule');
    await page.getByText('Nothing runs by itself yet').waitFor();
    await page.getByLabel('When').fill('every day at 9');
    await page.getByLabel('What').fill('water <b>the</b> plants');
    await page.getByLabel('How').selectOption('reminder');
    await page.getByRole('button', { name: 'Show the plan' }).click();
    const plan = page.locator('.proposal');
    await plan.getByText('Goes to').waitFor();
    expect(await plan.locator('dt', { hasText: 'Next' }).locator('xpath=..').locator('dd').count()).toBe(3);
    expect(await plan.innerText()).toMatch(/09:00/);
    // Other words need another plan.
    await page.getByLabel('When').fill('every day at 10');
    expect(await plan.innerText()).toBe('');
    await page.getByRole('button', { name: 'Show the plan' }).click();
    await page.getByRole('button', { name: 'Make this job' }).click();
    const card = page.locator('article.card', { hasText: 'water <b>the</b> plants' });
    await card.waitFor();
    expect(await page.locator('.week .day-cell li', { hasText: '10:00' }).count()).toBeGreaterThanOrEqual(6);
    await card.getByRole('button', { name: /^Pause/ }).click();
    await card.locator('.chip', { hasText: 'paused' }).waitFor();
    await page.getByText('Nothing is planned.').waitFor();
    await card.getByText('Plan and history').click();
    await card.locator('dt', { hasText: 'Goes to' }).waitFor();
    await card.getByLabel('Another time').fill('every day at 11');
    await card.getByRole('button', { name: /^Change/ }).click();
    await card.locator('dd', { hasText: '11:00 (' }).waitFor();
    await page.getByLabel('When').fill('when pigs fly');
    await page.getByLabel('What').fill('x');
    await page.getByRole('button', { name: 'Show the plan' }).click();
    await page.locator('.job-form .problem').waitFor();
    // Out of reach: it is said that nobody knows, and what was written stays.
    await page.context().setOffline(true);
    await card.getByRole('button', { name: /^Resume/ }).click();
    await page.getByRole('alert').filter({ hasText: 'Whether that was done is not known' }).waitFor();
    expect(await page.getByLabel('When').inputValue()).toBe('when pigs fly');
  });

  it('keeps a memory that waited, says why it believes something, and takes a word for it', async () => {
    const { page } = await openFor(opened.owner, 'memory');
    const waiting = page.locator('article.card', { hasText: 'closes in August' });
    await waiting.getByText('words of others').waitFor();
    await waiting.getByRole('button', { name: /^Keep/ }).click();
    await page.getByText('Waiting for your yes').waitFor({ state: 'detached' });
    expect(await page.locator('.bar-of').count()).toBe(2);
    const claim = page.locator('article.card', { hasText: 'Wants it short' });
    expect(await claim.getByRole('img').getAttribute('aria-label')).toMatch(/\d+ %, between \d+ and \d+ %/);
    await claim.getByText('Why, and setting it right').click();
    await claim.locator('q').first().waitFor();
    await claim.getByLabel('How it is instead').fill('Wants it long');
    await claim.getByRole('button', { name: 'That is wrong' }).click();
    await page.getByText('Wants it long').waitFor();
    expect(await page.getByText('Wants it short').count()).toBe(0);
  });

  it('draws what a skill is worth, shows a difference, and takes an approval', async () => {
    const { page } = await openFor(opened.owner, 'skills');
    const skill = page.locator('article.card', { hasText: 'weekly-report' });
    await skill.getByText('Versions and evidence').click();
    const plot = skill.getByRole('img');
    await plot.waitFor();
    expect(await plot.getAttribute('aria-label')).toMatch(/version 2: with it \d+ %/);
    expect(await plot.locator('.band.with').count()).toBeGreaterThanOrEqual(2);
    expect(await plot.locator('.point.without').count()).toBeGreaterThan(3);
    await skill.locator('.revision', { hasText: 'proposed' }).getByText('What it changes').click();
    await skill.locator('.diff .plus', { hasText: 'of the week' }).waitFor();
    await skill.getByRole('button', { name: 'Approve version 3 of weekly-report' }).click();
    await skill.locator('.revision', { hasText: 'Version 3' }).locator('.chip', { hasText: 'active' }).waitFor();
    await skill.getByRole('button', { name: 'Go back to version 2 of weekly-report' }).click();
    await until(
      async () => /active/.test(await skill.locator('.revision', { hasText: 'Version 2' }).innerText()),
      'version 2 is in force again',
    );
  });

  it('shows days as bars, and models as a table', async () => {
    const { page } = await openFor(opened.owner, 'insights');
    await page.locator('.day-bar').first().waitFor();
    expect(await page.locator('.day-bar').count()).toBe(30);
    expect(await page.locator('td', { hasText: 'large' }).count()).toBe(1);
    await page.getByLabel('How many days').selectOption('7');
    await until(async () => (await page.locator('.day-bar').count()) === 7, 'seven bars');
  });

  it('shows a second person nothing of the first, and a guest no more than is theirs', async () => {
    const { page } = await openFor(opened.other, 'schedule');
    for (const view of ['Schedule', 'Memory', 'Skills', 'Insights']) {
      await show(page, view);
      await page.locator('.panel-column h2').first().waitFor();
      expect(await page.locator('#panel').innerText()).not.toContain(opened.owner.mark);
    }
    const guest = await openFor(opened.guest, 'schedule');
    expect(await guest.page.locator('#views a:visible').allInnerTexts()).toEqual(['Chat', 'Memory', 'Insights']);
    expect(await guest.page.locator('#panel').isHidden()).toBe(true);
  });

  it('fits a narrow screen without sideways scrolling, and is reached with the keyboard', async () => {
    const { page } = await openFor(opened.owner, 'schedule', {
      viewport: { width: 390, height: 800 },
      isMobile: true,
      hasTouch: true,
    });
    for (const view of ['Schedule', 'Memory', 'Skills', 'Insights']) {
      const link = page.locator('#views').getByRole('link', { name: view });
      await link.focus();
      await page.keyboard.press('Enter');
      await page.locator('.panel-column h2').first().waitFor();
      for (const summary of await page.locator('#panel summary').all()) await summary.press('Enter');
      await page.waitForTimeout(150);
      const widths = await inPage(
        page,
        '[document.documentElement.scrollWidth, panel.scrollWidth]',
        z.array(z.number()),
      );
      expect(Math.max(...widths), view).toBeLessThanOrEqual(390);
      expect(await link.getAttribute('aria-current')).toBe('page');
    }
    await show(page, 'Chat');
    expect(await page.locator('#text').isVisible()).toBe(true);
  });
});

describe('jobs by the API', { timeout: 30_000 }, () => {
  const call = async (member: Member, method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${opened.gateway.url}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${member.key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) };
  };

  it('makes, shows, changes, runs and removes one, of its own person alone', async () => {
    const { owner, other, guest } = opened;
    const made = await call(other, 'POST', 'jobs', {
      name: 'plants',
      when: 'every day at 10',
      reminder: 'water',
      timezone: 'Europe/Vienna',
    });
    expect(made).toMatchObject({
      status: 201,
      body: { job: { name: 'plants', state: 'active', timezone: 'Europe/Vienna' } },
    });
    expect(z.object({ plan: z.object({ nextRuns: z.array(z.number()).length(3) }) }).safeParse(made.body).success).toBe(
      true,
    );
    const { id } = z.object({ job: z.object({ id: z.string() }) }).parse(made.body).job;
    const span = `from=${Date.now()}&to=${Date.now() + 3 * 86_400_000}`;
    expect(await call(other, 'GET', `calendar?${span}`)).toMatchObject({
      body: { object: 'list', data: [{ job: id }, { job: id }, { job: id }] },
    });
    expect(await call(owner, 'GET', `jobs/${id}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found', type: 'invalid_request_error' } },
    });
    expect((await call(owner, 'GET', 'jobs')).body).not.toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ id })]),
    });
    for (const [method, path] of [
      ['DELETE', `jobs/${id}`],
      ['POST', `jobs/${id}/runs`],
      ['GET', `jobs/${id}/runs`],
    ] as const)
      expect((await call(owner, method, path)).status, `${method} ${path}`).toBe(404);
    expect(await call(guest, 'GET', 'jobs')).toMatchObject({
      status: 403,
      body: { error: { type: 'permission_error' } },
    });
    expect(await call(other, 'PATCH', 'jobs/plants', { when: 'every day at 11', state: 'paused' })).toMatchObject({
      status: 200,
      body: { job: { state: 'paused', when: 'every day at 11' } },
    });
    expect(await call(other, 'POST', `jobs/${id}/runs`)).toMatchObject({ status: 202, body: { cause: 'manual' } });
    expect(await call(other, 'GET', `jobs/${id}/runs?limit=5`)).toMatchObject({ body: { data: [{ job: id }] } });
    expect(await call(other, 'DELETE', `jobs/${id}`)).toMatchObject({ status: 200, body: { id, deleted: true } });
    expect(await call(other, 'GET', 'jobs')).toMatchObject({ body: { data: [] } });
  });

  it.each([
    ['no time', 'POST', 'jobs', { reminder: 'x' }, 400],
    ['a time that nobody understands', 'POST', 'jobs', { when: 'when pigs fly', reminder: 'x' }, 400],
    ['two works', 'POST', 'jobs', { when: 'every day at 9', reminder: 'x', prompt: 'y' }, 400],
    ['no work', 'POST', 'jobs', { when: 'every day at 9' }, 400],
    ['a key that is not known', 'POST', 'jobs', { when: 'every day at 9', reminder: 'x', script: 'rm' }, 400],
    ['an endless calendar', 'GET', 'calendar?from=1700000000000&to=1900000000000', undefined, 400],
    ['a calendar of nothing', 'GET', 'calendar?from=tomorrow', undefined, 400],
    ['no such path', 'GET', 'jobs/a/b/c', undefined, 404],
    ['no such method', 'DELETE', 'jobs', undefined, 404],
  ] as const)('refuses %s in the manner of the API', async (_, method, path, body, status) => {
    const answer = await call(opened.owner, method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({
      error: { type: 'invalid_request_error', message: expect.any(String), code: expect.any(String) },
    });
  });
});

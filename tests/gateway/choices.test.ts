// Choices where a platform has no buttons: numbered lines, answered by a number.
import { afterEach, expect, it } from 'vitest';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function open(buttons: 'full' | 'fallback') {
  const fake = makeFakePlatform({ capabilities: { buttons } });
  gateway = await openTestGateway({ platforms: [fake] });
  await gateway.pair(fake, 'ann');
  await fake.say('/queue');
  await gateway.settle();
  return { fake, gateway };
}

it('shows numbers, and a number does what the button would have done', async () => {
  const { fake, gateway } = await open('fallback');
  expect(fake.texts()[0]).toContain('1. steer\n2. collect\n3. interrupt\n\nAnswer with the number.');
  expect(fake.sent[0]?.buttons).toEqual([]);
  await fake.say(' 2. ');
  await gateway.settle();
  expect(fake.texts()[1]).toContain('From now on in this chat: collect');
});

it('a number that is not offered, or comes much later, is said to the agent', async () => {
  const { fake, gateway } = await open('fallback');
  for (const text of ['9', 'more 0', 'more 1', 'more 2', '1']) {
    await fake.say(text);
    await gateway.settle();
  }
  expect(fake.texts().slice(1)).toEqual(['echo: 9', 'echo: more 0', 'echo: more 1', 'echo: more 2', 'echo: 1']);
});

it('where there are buttons, a number is a message', async () => {
  const { fake, gateway } = await open('full');
  expect(fake.sent[0]?.buttons.map((button) => button.label)).toEqual(['steer', 'collect', 'interrupt']);
  expect(fake.texts()[0]).not.toContain('number');
  await fake.say('1');
  await gateway.settle();
  expect(fake.texts()[1]).toBe('echo: 1');
});

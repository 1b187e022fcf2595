// /timezone: a zone of one's own.
import { expect, test } from 'vitest';
import { getPersonSettings, setPersonSettings } from '../../../data/process/person-settings.ts';
import { dm, openBench } from './command-bench.ts';

test('a person chooses a zone, sees the time there, and gives it back; nothing else of theirs changes', async () => {
  const bench = await openBench();
  const ada = await bench.person('ada', 'member');
  await setPersonSettings(bench.db, ada.id, { dmScope: 'chat' });
  expect((await bench.run(ada, dm(ada), '/timezone')).text).toContain('no time zone of your own');
  expect((await bench.run(ada, dm(ada), '/timezone europe/vienna')).text).toMatch(
    /^Your time zone is Europe\/Vienna now: it is \w+ \d\d:\d\d there\./,
  );
  expect(await getPersonSettings(bench.db, ada.id)).toEqual({ dmScope: 'chat', timezone: 'Europe/Vienna' });
  expect((await bench.run(ada, dm(ada), '/timezone')).text).toContain('Europe/Vienna');
  await bench.run(ada, dm(ada), '/timezone default');
  expect(await getPersonSettings(bench.db, ada.id)).toEqual({ dmScope: 'chat' });
});

test('what is no zone changes nothing', async () => {
  const bench = await openBench();
  const ada = await bench.person('ada', 'member');
  for (const words of ['Mars/Olympus', '+02:00', 'soon'])
    await expect(bench.run(ada, dm(ada), `/timezone ${words}`)).rejects.toThrow('There is no time zone');
  expect(await getPersonSettings(bench.db, ada.id)).toEqual({});
});

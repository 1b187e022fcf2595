// /whoami and the model of the person: what is known, why, and how the person sets it right.
import { beforeEach, describe, expect, test } from 'vitest';
import { noteStatements } from '../../../agent/profile/revise.ts';
import type { Person } from '../../../data/process/people.ts';
import { listClaims } from '../../../data/profile/claims.ts';
import { personScope } from '../../../data/scope.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
  await learn(ada, 'I live in Graz and I prefer [tea](x) over coffee');
});

async function learn(person: Person, said: string): Promise<void> {
  const turn = await bench.exchange(person, dm(person), said);
  const session = (await bench.route(person, dm(person))).session.id;
  await noteStatements(bench.db, personScope(person.id), { session, turn });
}

const run = async (args = '', person = ada) => (await bench.run(person, dm(person), `/whoami ${args}`)).text;
const idOf = async (text: string, person = ada) => {
  const found = (await listClaims(bench.db, personScope(person.id))).find((claim) => claim.text.includes(text));
  if (!found) throw new Error(`nothing is known of "${text}"`);
  return found.id;
};

describe('/whoami', () => {
  test('shows what is known with a number, how sure it is and when it was heard, beside who one is', async () => {
    const text = await run();
    expect(text).toContain('**You**: ada, owner');
    expect(text).toContain(
      `- \`${await idOf('Graz')}\` Lives in Graz (fact, 75 %, between 37 and 98, last heard just now)`,
    );
    expect(text).toContain('Prefers \\[tea\\](x) over coffee');
    expect(await run('', bob)).toContain('nothing yet');
  });

  test('says why, with the words and where they were said, and offers to set it right', async () => {
    const id = await idOf('Graz');
    const reply = await bench.run(ada, dm(ada), `/whoami why ${id}`);
    expect(reply.text).toContain('For: “I live in Graz”, you said on pigeon just now');
    expect(reply.buttons).toEqual([
      [
        { label: 'That is wrong', data: `/whoami wrong ${id}` },
        { label: 'Forget it', data: `/whoami forget ${id}` },
      ],
    ]);
  });

  test('takes a correction, with the right words and without, for good', async () => {
    const id = await idOf('Graz');
    expect(await run(`wrong ${id} Lives in *Linz*`)).toContain('It is: “Lives in \\*Linz\\*”.');
    await learn(ada, 'I live in Graz');
    const text = await run();
    expect(text).toContain('Lives in \\*Linz\\* (fact, your own word');
    expect(text).not.toContain('Graz');
    expect(await run(`why ${id}`)).toContain('you said that it is wrong');
    expect(await run(`wrong ${await idOf('tea')}`)).toContain('I will not think so again');
    expect(await run()).not.toContain('tea');
  });

  test('forgets a claim with all that it came from', async () => {
    const id = await idOf('Graz');
    expect(await run(`forget ${id}`)).toContain('Forgotten');
    expect(await run()).not.toContain('Graz');
    await expect(run(`why ${id}`)).rejects.toMatchObject({ code: 'not_found' });
    const left = await bench.db.query.selectFrom('claim_evidence').select('id').where('claim_id', '=', id).execute();
    expect(left).toEqual([]);
  });

  test('takes what the person says of themselves', async () => {
    expect(await run('add Allergic to nuts')).toContain('I will keep in mind: “Allergic to nuts”');
    expect(await run()).toContain('Allergic to nuts (fact, your own word, last heard just now)');
    await expect(run('add')).rejects.toMatchObject({ code: 'bad_input' });
    await expect(run('add ?!')).rejects.toMatchObject({ code: 'bad_input' });
    await expect(run(`add ${'x'.repeat(161)}`)).rejects.toMatchObject({ code: 'bad_input' });
  });

  test.each(['why', 'why 999999', 'wrong x', 'forget -1', 'why 1e3'])(
    '%s names nothing that is known',
    async (args) => {
      await expect(run(args)).rejects.toMatchObject({ code: 'not_found' });
    },
  );

  test('knows nothing of other words', async () => {
    await expect(run('dance')).rejects.toMatchObject({ code: 'bad_input' });
  });

  test("is nobody else's: not another person's, by number or list, and not a group's", async () => {
    const id = await idOf('Graz');
    for (const args of ['why', 'wrong', 'forget'])
      await expect(run(`${args} ${id}`, bob)).rejects.toMatchObject({ code: 'not_found' });
    expect((await bench.run(ada, group(), '/whoami')).text).not.toContain('Graz');
    for (const args of [`why ${id}`, `wrong ${id}`, `forget ${id}`, 'add Rich'])
      await expect(bench.run(ada, group(), `/whoami ${args}`)).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await run()).toContain('Lives in Graz');
  });
});

test('a word that every object knows is no action', async () => {
  for (const word of ['constructor', 'toString', '__proto__']) await expect(run(word)).rejects.toThrow('I do not know');
});

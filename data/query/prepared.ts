// Queries of the message path are built and compiled once, and run with other values each time: building one takes longer than running it.
import { sql, type Compilable, type CompiledQuery, type QueryResult, type RawBuilder } from 'kysely';
import type { Query } from '../db.ts';
import { directConnection } from './dialect.ts';

/** Stand for the values while the query is built. */
export type Slots<Values> = { readonly [Name in keyof Values]-?: RawBuilder<Values[Name]> };

class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * The query that `build` makes of slots, one for each value, to be run on a connection or in a transaction. `build` runs once, so it must
 * not depend on anything but its arguments. A handle with plugins, which want to see each query, gets it built anew.
 */
export function prepare<Values extends object, Row = object>(
  build: (query: Query, slots: Slots<Values>) => Compilable<Row>,
): (query: Query, values: Values) => Promise<QueryResult<Row>> {
  let compiled: CompiledQuery<Row> | undefined;
  return async (query, values) => {
    const { plugins, adapter } = query.getExecutor();
    if (plugins.length > 0)
      return query.executeQuery(
        build(
          query,
          makeSlots(values, (name) => Reflect.get(values, name)),
        ),
      );
    compiled ??= build(
      query,
      makeSlots(values, (name) => new Slot(name)),
    ).compile();
    const parameters = compiled.parameters.map((one) => (one instanceof Slot ? Reflect.get(values, one.name) : one));
    const direct = directConnection(adapter);
    // A statement needs the connection for itself only while a transaction is open; within one's own it is one's turn anyway.
    if (direct?.isInTransaction() === query.isTransaction) return typedRows<Row>(direct.run(compiled.sql, parameters));
    return query.executeQuery({ ...compiled, parameters });
  };
}

function typedRows<Row>(result: QueryResult<unknown>): QueryResult<Row> {
  if (!isOfRows<Row>(result)) throw new Error('a result has rows');
  return result;
}

/** What the rows hold is what the query selects of tables whose types we know. */
function isOfRows<Row>(result: QueryResult<unknown>): result is QueryResult<Row> {
  return Array.isArray(result.rows);
}

function makeSlots<Values extends object>(values: Values, fill: (name: string) => unknown): Slots<Values> {
  const slots: object = Object.fromEntries(Object.keys(values).map((name) => [name, sql.val(fill(name))]));
  if (!hasSlots(slots, values)) throw new Error('each value has its slot');
  return slots;
}

function hasSlots<Values extends object>(slots: object, values: Values): slots is Slots<Values> {
  return Object.keys(values).every((name) => name in slots);
}

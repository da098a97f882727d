/** What `database()` returns. */

import { Command, command } from './command'
import { Geo } from './geo'
import { Collection, DatabaseContext } from './query'
import { DatabaseRegExp, ServerDate } from './values'

/** Works with and without `new`. */
export interface RegExpMaker {
  (options: { regexp: string; options?: string }): DatabaseRegExp
  new (options: { regexp: string; options?: string }): DatabaseRegExp
}

export interface Database {
  command: Command
  Geo: typeof Geo
  config: { env?: string }
  collection(name: string): Collection
  serverDate(options?: { offset?: number }): ServerDate
  RegExp: RegExpMaker
}

export function makeDatabase(context: DatabaseContext, env: string | undefined): Database {
  return {
    command,
    Geo,
    config: { env },
    collection: (name) => new Collection(context, name),
    serverDate: (options) => new ServerDate((options && options.offset) || 0),
    // A function, because applications write `new db.RegExp(…)` as well.
    RegExp: function (options: { regexp: string; options?: string }) {
      return new DatabaseRegExp(options.regexp, options.options || '')
    } as RegExpMaker,
  }
}

/** Queries and collections. */

import { Callbacks, settle } from '../calls'
import { BAD_PARAMETER, BAD_TYPE, failure } from '../errors'
import { Fields, isArray, isPlain } from '../objects'
import { Transport } from '../transport'
import { Aggregate } from './aggregate'
import { Projection } from './command'
import { DocumentReference } from './document'
import { encodeFilter, encodeOperand, isPath } from './filter'
import { Watching } from './realtime'
import { encodeDocument, encodeUpdate } from './update'
import { decode, encode } from './values'
import { watch, WatchListener, WatchOptions } from './watch'

/** What `wx.cloud` reads when no limit is given. */
export const DEFAULT_LIMIT = 20

export interface DatabaseContext {
  transport: () => Transport
  watching: () => Watching
}

interface Options {
  filter?: Fields
  order?: { field: string; direction: 'asc' | 'desc' }[]
  limit?: number
  skip?: number
  projection?: Fields
}

export class Query {
  constructor(
    protected context: DatabaseContext,
    readonly collectionName: string,
    protected options: Options = {},
  ) {}

  where(condition: any): Query {
    return this.with({ filter: encodeFilter(condition) })
  }

  orderBy(field: string, direction: 'asc' | 'desc'): Query {
    if (!isPath(field)) throw failure(BAD_TYPE, 'orderBy needs the path of a field')
    if (direction !== 'asc' && direction !== 'desc') throw failure(BAD_PARAMETER, "orderBy's direction is asc or desc")
    return this.with({ order: (this.options.order || []).concat([{ field, direction }]) })
  }

  limit(limit: number): Query {
    if (!isWhole(limit) || limit < 1) throw failure(BAD_PARAMETER, 'limit should be a whole number from 1')
    return this.with({ limit })
  }

  skip(skip: number): Query {
    if (!isWhole(skip) || skip < 0) throw failure(BAD_PARAMETER, 'skip should be a whole number from 0')
    return this.with({ skip })
  }

  field(fields: Fields): Query {
    return this.with({ projection: encodeProjection(fields) })
  }

  get(options?: Callbacks<{ data: any[]; errMsg: string }>): Promise<{ data: any[]; errMsg: string }> {
    return settle('collection.get', options, () => {
      const transport = this.context.transport()
      const { order, limit = DEFAULT_LIMIT, skip, projection } = this.options
      const most = transport.settings.maxLimit || limit
      const page = { order: order || [], offset: skip || 0, limit: Math.min(limit, most), projection: projection || {} }
      return this.call('database.queryDocument', page).then((answer) => ({ data: decode(answer.data.list), errMsg: '' }))
    })
  }

  count(options?: Callbacks<{ total: number; errMsg: string }>): Promise<{ total: number; errMsg: string }> {
    return settle('collection.count', options, () =>
      this.call('database.countDocument', {}).then((answer) => ({ total: answer.data.total, errMsg: '' })),
    )
  }

  update(
    options: { data: Fields } & Callbacks<any>,
  ): Promise<{ stats: { updated: number }; errMsg: string }> {
    return settle('collection.update', options, () => {
      const data = encodeUpdate(options && options.data)
      const change = { data, multi: true, merge: true, upsert: false }
      return this.change('database.updateDocument', change).then((answer) => ({
        stats: { updated: answer.data.updated },
        errMsg: '',
      }))
    })
  }

  remove(options?: Callbacks<any>): Promise<{ stats: { removed: number }; errMsg: string }> {
    return settle('collection.remove', options, () =>
      this.change('database.deleteDocument', { multi: true }).then((answer) => ({
        stats: { removed: answer.data.deleted },
        errMsg: '',
      })),
    )
  }

  watch(options: WatchOptions): WatchListener {
    const { filter = {}, order = [], limit } = this.options
    const orderBy: Fields = {}
    order.forEach((item) => {
      orderBy[item.field] = item.direction
    })
    const query: Fields = { collName: this.collectionName, query: JSON.stringify(filter) }
    if (limit !== undefined) query.limit = limit
    if (order.length) query.orderBy = orderBy
    return watch(this.context.watching, query, options)
  }

  private with(changed: Options): Query {
    const options: Fields = {}
    ;[this.options, changed].forEach((from: Fields) => Object.keys(from).forEach((name) => (options[name] = from[name])))
    return new Query(this.context, this.collectionName, options)
  }

  private call(action: string, params: Fields): Promise<Fields> {
    params.collectionName = this.collectionName
    params.queryType = 'WHERE'
    params.query = this.options.filter || {}
    return this.context.transport().call(action, params)
  }

  /** A change of everything is asked for with `where({})`, never by leaving it out. */
  private change(action: string, params: Fields): Promise<Fields> {
    if (!this.options.filter) return Promise.reject(failure(BAD_PARAMETER, 'use where() or doc() first / 请先用 where 指定条件'))
    return this.call(action, params)
  }
}

export class Collection extends Query {
  doc(id: string | number): DocumentReference {
    if ((typeof id !== 'string' || !id) && typeof id !== 'number') {
      throw failure(BAD_TYPE, 'docId should be a string or a number / 文档 _id 应为字符串或数字')
    }
    return new DocumentReference(this.context, this.collectionName, id)
  }

  add(options: { data: Fields } & Callbacks<any>): Promise<{ _id: string | number; errMsg: string }> {
    return settle('collection.add', options, () => {
      const data = encodeDocument(options && options.data)
      const params = { collectionName: this.collectionName, data }
      return this.context.transport().call('database.addDocument', params).then((answer) => ({
        _id: answer.data._id,
        errMsg: '',
      }))
    })
  }

  aggregate(): Aggregate {
    return new Aggregate(this.context.transport, this.collectionName)
  }
}

export function encodeProjection(fields: any): Fields {
  if (!isPlain(fields)) throw failure(BAD_TYPE, 'field needs an object')
  const projection: Fields = {}
  Object.keys(fields).forEach((name) => {
    const value = fields[name]
    if (!(value instanceof Projection)) projection[name] = value === true || value === 1 ? 1 : value ? encode(value) : 0
    else if (value.operator === '$elemMatch') projection[name] = { $elemMatch: encodeOperand(value.operand) }
    else projection[name] = { $slice: value.operand }
  })
  return projection
}

function isWhole(value: any): boolean {
  return typeof value === 'number' && isFinite(value) && Math.floor(value) === value && !isArray(value)
}

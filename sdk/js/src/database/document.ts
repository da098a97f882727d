/** One document, by its id. */

import { Callbacks, settle } from '../calls'
import { BAD_PARAMETER, failure, GENERIC } from '../errors'
import { Fields, has } from '../objects'
import { DatabaseContext, encodeProjection } from './query'
import { encodeDocument, encodeUpdate } from './update'
import { decode } from './values'
import { watch, WatchListener, WatchOptions } from './watch'

export class DocumentReference {
  constructor(
    private context: DatabaseContext,
    readonly collectionName: string,
    readonly _id: string | number,
    private projection: Fields = {},
  ) {}

  field(fields: Fields): DocumentReference {
    return new DocumentReference(this.context, this.collectionName, this._id, encodeProjection(fields))
  }

  get(options?: Callbacks<{ data: any; errMsg: string }>): Promise<{ data: any; errMsg: string }> {
    return settle('document.get', options, () =>
      this.call('database.queryDocument', { projection: this.projection, limit: 1, offset: 0 }).then((answer) => {
        const found = answer.data.list[0]
        if (!found) throw failure(GENERIC, this.missing(), undefined, answer.requestId)
        return { data: decode(found), errMsg: '' }
      }),
    )
  }

  /** Replaces the document, or makes it. */
  set(
    options: { data: Fields } & Callbacks<any>,
  ): Promise<{ _id: string | number; stats: { updated: number; created: number }; errMsg: string }> {
    return settle('document.set', options, () => {
      const data = encodeDocument(options && options.data)
      if (has(data, '_id')) throw failure(BAD_PARAMETER, "_id cannot be changed by set / 不能更新 _id 的值")
      return this.call('database.updateDocument', { data, merge: false, upsert: true }).then((answer) => {
        const id = answer.data.upserted_id !== undefined ? answer.data.upserted_id : answer.data.upsert_id
        const created = id === undefined || id === null ? 0 : 1
        return { _id: this._id, stats: { updated: created ? 0 : answer.data.updated, created }, errMsg: '' }
      })
    })
  }

  update(options: { data: Fields } & Callbacks<any>): Promise<{ stats: { updated: number }; errMsg: string }> {
    return settle('document.update', options, () => {
      const data = encodeUpdate(options && options.data)
      return this.call('database.updateDocument', { data, merge: true, upsert: false }).then((answer) => ({
        stats: { updated: answer.data.updated },
        errMsg: '',
      }))
    })
  }

  remove(options?: Callbacks<any>): Promise<{ stats: { removed: number }; errMsg: string }> {
    return settle('document.remove', options, () =>
      this.call('database.deleteDocument', {}).then((answer) => ({
        stats: { removed: answer.data.deleted },
        errMsg: '',
      })),
    )
  }

  watch(options: WatchOptions): WatchListener {
    const query = { collName: this.collectionName, query: JSON.stringify({ _id: this._id }) }
    return watch(this.context.watching, query, options)
  }

  private call(action: string, params: Fields): Promise<Fields> {
    params.collectionName = this.collectionName
    params.queryType = 'DOC'
    params.multi = false
    params.query = { _id: this._id }
    return this.context.transport().call(action, params)
  }

  private missing(): string {
    return (
      'document with _id ' +
      this._id +
      ' does not exist, please make sure that the document exists and you have the corresponding access permission'
    )
  }
}

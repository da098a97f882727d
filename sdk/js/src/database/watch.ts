/** `watch`: the documents of a query, kept up to date from events. */

import { BAD_TYPE, cloudError, failure, GENERIC } from '../errors'
import { Fields, has, isArray, isPlain } from '../objects'
import { Watching } from './realtime'
import { decode } from './values'

export interface DocChange {
  id: number
  dataType: string
  queueType: string
  docId: any
  doc: any
  updatedFields?: Fields
  removedFields?: string[]
}

export interface Snapshot {
  id: number
  docs: any[]
  docChanges: DocChange[]
  type?: 'init'
}

export interface WatchOptions {
  onChange: (snapshot: Snapshot) => void
  onError: (error: any) => void
}

export interface WatchListener {
  close(): Promise<void>
}

/** One watched query on a connection. `events` are kept in `docs`, and every batch becomes a snapshot. */
export class Watch {
  queryID = ''
  current = 0
  closed = false
  private docs: any[] = []

  constructor(
    readonly id: string,
    readonly query: Fields,
    private options: WatchOptions,
  ) {}

  start(data: any): void {
    this.queryID = data.queryID
    this.current = data.currEvent || 0
    const changes: DocChange[] = (data.events || []).map(changeOf)
    this.docs = changes.map((change) => change.doc)
    this.tell(this.current, changes, 'init')
  }

  /** Take events in; `false` when some before them are missing. */
  next(data: any): boolean {
    const batches: { [id: string]: any[] } = {}
    const order: number[] = []
    ;(data.events || []).forEach((event: any) => {
      if (event.ID <= this.current) return
      if (!batches[event.ID]) order.push(event.ID)
      batches[event.ID] = (batches[event.ID] || []).concat([event])
    })
    order.sort((first, second) => first - second)
    for (let index = 0; index < order.length; index++) {
      if (order[index] !== this.current + 1) return false
      this.current = order[index]
      this.tell(this.current, batches[this.current].map((event) => this.apply(event)))
    }
    return true
  }

  fail(error: any): void {
    if (this.closed) return
    this.closed = true
    later(() => this.options.onError(error))
  }

  private tell(id: number, docChanges: DocChange[], type?: 'init'): void {
    if (this.closed) return
    const snapshot: Snapshot = { id, docs: this.docs.slice(), docChanges, type }
    later(() => {
      if (!this.closed) this.options.onChange(snapshot)
    })
  }

  private apply(event: any): DocChange {
    const change = changeOf(event)
    const key = JSON.stringify(change.docId)
    const place = position(this.docs, key)
    if (change.queueType === 'dequeue') {
      const old = place < 0 ? undefined : this.docs.splice(place, 1)[0]
      if (old && isEmpty(change.doc)) change.doc = patched(old, change)
    } else if (place < 0) {
      this.docs = this.docs.concat([change.doc])
    } else {
      if (change.dataType === 'update' && (change.updatedFields || change.removedFields)) {
        change.doc = patched(this.docs[place], change)
      }
      this.docs = this.docs.slice()
      this.docs[place] = change.doc
    }
    return change
  }
}

function later(callback: () => void): void {
  setTimeout(callback, 0)
}

function changeOf(event: any): DocChange {
  const change: DocChange = {
    id: event.ID,
    dataType: event.DataType,
    queueType: event.QueueType,
    docId: decode(event.DocID),
    doc: event.Doc ? decode(JSON.parse(event.Doc)) : {},
  }
  if (event.UpdatedFields) change.updatedFields = decode(JSON.parse(event.UpdatedFields))
  if (event.removedFields) change.removedFields = JSON.parse(event.removedFields)
  return change
}

function position(docs: any[], key: string): number {
  for (let index = 0; index < docs.length; index++) if (JSON.stringify(docs[index]._id) === key) return index
  return -1
}

function isEmpty(doc: any): boolean {
  return !doc || !Object.keys(doc).length
}

function patched(old: any, change: DocChange): any {
  const doc = copied(old)
  const updated = change.updatedFields || {}
  Object.keys(updated).forEach((path) => reach(doc, path, (parent, name) => (parent[name] = updated[path])))
  ;(change.removedFields || []).forEach((path) => reach(doc, path, (parent, name) => delete parent[name]))
  return doc
}

function reach(doc: any, path: string, change: (parent: any, name: string) => void): void {
  const names = path.split('.')
  let parent = doc
  for (let index = 0; index < names.length - 1; index++) {
    if (!has(parent, names[index]) || typeof parent[names[index]] !== 'object' || !parent[names[index]]) {
      parent[names[index]] = {}
    }
    parent = parent[names[index]]
  }
  change(parent, names[names.length - 1])
}

function copied(value: any): any {
  if (isArray(value)) return value.map(copied)
  if (!isPlain(value)) return value
  const copy: Fields = {}
  Object.keys(value).forEach((name) => (copy[name] = copied(value[name])))
  return copy
}

let made = 0

/** Start watching; errors, that of a wrong call excepted, go to `onError`. */
export function watch(watching: () => Watching, query: Fields, options: WatchOptions): WatchListener {
  if (!options || typeof options.onChange !== 'function' || typeof options.onError !== 'function') {
    throw cloudError(failure(BAD_TYPE, 'watch needs onChange and onError'), 'collection.watch')
  }
  made += 1
  const started = new Watch('watch_' + made + '_' + Date.now(), query, options)
  let connection: Watching | null = null
  try {
    connection = watching()
    connection.add(started)
  } catch (error) {
    started.fail(cloudError(error || failure(GENERIC, ''), 'collection.watch'))
  }
  return {
    close: () => {
      started.closed = true
      if (connection) connection.remove(started)
      return Promise.resolve()
    },
  }
}

declare function setTimeout(callback: () => void, delay: number): any

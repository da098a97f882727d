// Watching documents.

import { match, ok, same } from './expect.mjs'

/** A watch whose snapshots can be awaited one by one. */
function watching(query) {
  const snapshots = []
  const waiting = []
  const take = (item) => (waiting.length ? waiting.shift()(item) : snapshots.push(item))
  const listener = query.watch({ onChange: take, onError: (error) => take({ error: JSON.stringify(error) + String(error.message) }) })
  return {
    next: () => new Promise((resolve) => { if (snapshots.length) resolve(snapshots.shift()); else waiting.push(resolve) }),
    close: () => listener.close(),
  }
}

const changes = (snapshot) => snapshot.docChanges.map((one) => [one.dataType, one.queueType, one.docId])
const ids = (snapshot) => {
  if (snapshot.error) throw new Error(snapshot.error)
  return snapshot.docs.map((doc) => doc._id)
}

export function watches(steps, client) {
  if (client.generation === 0) return // tcb-js-sdk has no realtime of its own
  const db = () => client.app.database()
  const notes = () => db().collection('notes')
  const state = {}

  steps.add('watch: what is there', async () => {
    await notes().add({ _id: 'a', n: 5 })
    state.watch = watching(notes().where({ n: db().command.gt(0) }))
    const first = await state.watch.next()
    same(changes(first), [['init', 'init', 'a']])
    same(first.docs.map((doc) => doc.n), [5])
  })

  steps.add('watch: added', async () => {
    await notes().add({ _id: 'b', n: 6, at: new Date(0) })
    const snapshot = await state.watch.next()
    same(changes(snapshot), [['add', 'enqueue', 'b']])
    same(ids(snapshot), ['a', 'b'])
  })

  steps.add('watch: updated', async () => {
    await notes().doc('b').update({ n: db().command.inc(1), o: { p: 1 } })
    const snapshot = await state.watch.next()
    same(changes(snapshot), [['update', 'update', 'b']])
    same(snapshot.docChanges[0].updatedFields, { n: 7, o: { p: 1 } })
    same(snapshot.docs[1].n, 7)
    await notes().doc('b').update({ at: db().command.remove() })
    same((await state.watch.next()).docChanges[0].removedFields, ['at'])
  })

  steps.add('watch: out of the query and back', async () => {
    await notes().doc('b').update({ n: -1 })
    const left = await state.watch.next()
    same(changes(left), [['update', 'dequeue', 'b']])
    same(ids(left), ['a'])
    await notes().doc('b').update({ n: 1 })
    same(changes(await state.watch.next()), [['update', 'enqueue', 'b']])
  })

  steps.add('watch: replaced and removed', async () => {
    await notes().doc('b').set({ n: 8 })
    same(changes(await state.watch.next()), [['replace', 'update', 'b']])
    await notes().doc('b').remove()
    same(changes(await state.watch.next()), [['remove', 'dequeue', 'b']])
  })

  steps.add('watch: closed', async () => {
    await state.watch.close()
    await notes().doc('a').update({ n: 6 })
    const late = await Promise.race([state.watch.next(), new Promise((resolve) => { setTimeout(resolve, 100, 'nothing') })])
    same(late, 'nothing')
  })

  steps.add('watch: order and limit', async () => {
    for (const n of [1, 2, 3]) await notes().add({ _id: `l${n}`, n, kind: 'limit' })
    const watch = watching(notes().where({ kind: 'limit' }).orderBy('n', 'asc').limit(2))
    same(ids(await watch.next()), ['l1', 'l2'])
    await notes().doc('l1').remove()
    same(changes(await watch.next()), [['remove', 'dequeue', 'l1'], ['limit', 'enqueue', 'l3']])
    await notes().add({ _id: 'l0', n: 0, kind: 'limit' })
    same(changes(await watch.next()).sort(), [['add', 'enqueue', 'l0'], ['limit', 'dequeue', 'l3']])
    await watch.close()
  })

  steps.add('watch: one document', async () => {
    const watch = watching(notes().doc('a'))
    same(ids(await watch.next()), ['a'])
    await notes().doc('a').update({ hello: 1 })
    same((await watch.next()).docs[0].hello, 1)
    await watch.close()
  })

  steps.add('watch: nothing at first', async () => {
    const watch = watching(notes().where({ kind: 'none' }))
    same((await watch.next()).docs, [])
    await notes().add({ _id: 'none1', kind: 'none' })
    same(ids(await watch.next()), ['none1'])
    await watch.close()
  })

  steps.add('watch: a lost connection misses nothing', async () => {
    const watch = watching(notes().where({ kind: 'lost' }))
    same((await watch.next()).docs, [])
    ok(client.place.loseSockets() > 0, 'sockets to lose')
    await notes().add({ _id: 'lost1', kind: 'lost' })
    same(ids(await watch.next()), ['lost1'])
    await notes().add({ _id: 'lost2', kind: 'lost' })
    same(ids(await watch.next()), ['lost1', 'lost2'])
    await watch.close()
  })

  steps.add('watch: a missing collection ends it', async () => {
    match((await watching(db().collection('nowhere').where({ n: 1 })).next()).error, /DATABASE_COLLECTION_NOT_EXIST/)
  })
}

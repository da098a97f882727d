'use strict'
// Rows for transactions and for what later versions added to writing.

exports.groups = ({ db, _, data, one, updated, removed, id, kind, name, main, doc, where }) => {
  const wx = kind === 'wx'
  const version = name.slice(name.lastIndexOf('-') + 1).split('.').map(Number)
  const since = (...wanted) => { for (const [place, number] of wanted.entries()) if (version[place] !== number) return version[place] > number; return true }
  const inside = (transaction) => transaction.collection('surface')
  const get = async (collection, key) => {
    try { return one(await collection.doc(key).get()) || null } catch (error) { return /does not exist/.test(error.errMsg || error.message) ? null : Promise.reject(error) }
  }
  const removeInside = (reference) => (reference.delete ? reference.delete() : reference.remove())

  const transactions = [
    ['runTransaction', async () => {
      await main.doc('t').set(data({ n: 1 }))
      await db.runTransaction(async (transaction) => {
        const inner = inside(transaction)
        const { n } = await get(inner, 't')
        await inner.add(data({ _id: 't2', n }))
        await inner.doc('t').update(data({ n: _.inc(10) }))
        await inner.doc('t3').set(data({ n: 3 }))
        await inner.doc('t3').set(data({ n: 4 }))
        await removeInside(inner.doc('t2'))
      })
      return [await doc('t'), await where({ _id: _.in(['t', 't2', 't3']) }), (await doc('t3')).n]
    }, [{ _id: 't', n: 11 }, ['t', 't3'], 4]],
    ['add without an id', async () => {
      let made
      await db.runTransaction(async (transaction) => { made = id(await inside(transaction).add(data({ fromTransaction: true }))) })
      return (await where({ fromTransaction: true }))[0] === made
    }, true],
    ['rollback with a reason', async () => {
      try {
        await db.runTransaction(async (transaction) => {
          await inside(transaction).doc('t').update(data({ n: 0 }))
          await transaction.rollback('changed my mind')
        })
        return 'resolved'
      } catch (reason) {
        return [reason, (await doc('t')).n]
      }
    }, ['changed my mind', 11]],
    ['a throw rolls back', async () => {
      try {
        await db.runTransaction(async (transaction) => { await inside(transaction).doc('t').update(data({ n: 0 })); throw new Error('no') })
        return 'resolved'
      } catch (error) {
        return [error.message, (await doc('t')).n]
      }
    }, ['no', 11]],
    ['nobody', async () => {
      const transaction = await db.startTransaction()
      const found = await get(inside(transaction), 'nobody')
      await transaction.commit()
      return found
    }, null],
    ['startTransaction and commit', async () => {
      const transaction = await db.startTransaction()
      await inside(transaction).doc('t').update(data({ n: 12 }))
      const during = (await doc('t')).n
      await transaction.commit()
      return [during, (await doc('t')).n]
    }, [11, 12]],
    ['startTransaction and rollback', async () => {
      const transaction = await db.startTransaction()
      await inside(transaction).doc('t').update(data({ n: 13 }))
      await transaction.rollback()
      return (await doc('t')).n
    }, 12],
    ['a conflict is retried', async () => {
      let tries = 0
      await db.runTransaction(async (transaction) => {
        tries += 1
        const { n } = await get(inside(transaction), 't')
        if (tries === 1) await main.doc('t').update(data({ n: 100 }))
        await inside(transaction).doc('t').update(data({ n: n + 1 }))
      })
      return [tries > 1, (await doc('t')).n]
    }, new Set([[true, 101], { error: -501001 }])], // wx-server-sdk hides the code that its own retry looks for
    ['after its end', async () => {
      const transaction = await db.startTransaction()
      await transaction.commit()
      return inside(transaction).doc('t').update(data({ n: 0 }))
    }, new Set([{ error: 'DATABASE_TRANSACTION_FAIL' }, { error: -501001 }])],
    ['clean up', async () => removed(await main.where({ _id: _.in(['t', 't3']) }).remove()) + removed(await main.where({ fromTransaction: true }).remove()), 3],
  ]

  const lists = [
    ['add a list', async () => {
      const done = await main.add(data([{ many: 1 }, { many: 2 }]))
      return (done._ids || done.ids || [done._id || done.id]).length > 0
    }, true],
    ['both are there', async () => removed(await main.where({ many: _.gt(0) }).remove()), 2],
  ]

  const single = [
    ['update of one', async () => updated(wx
      ? await main.where({ n: _.gt(0) }).update({ data: { once: 1 }, multi: false })
      : await main.where({ n: _.gt(0) }).options({ multiple: false }).update({ once: 1 })), 1],
    ['it is one', async () => (await where({ once: 1 })).length, 1],
    ['remove of one', async () => {
      await main.doc('r1').set(data({ r: 1 }))
      await main.doc('r2').set(data({ r: 1 }))
      return removed(wx ? await main.where({ r: 1 }).remove({ multi: false }) : await main.where({ r: 1 }).options({ multiple: false }).remove())
    }, 1],
    ['where inside a transaction', async () => {
      const transaction = await db.startTransaction()
      const found = await inside(transaction).where({ r: 1 }).get()
      await transaction.commit()
      return found.data.length
    }, 1],
    ['clean up', async () => removed(await main.where({ r: 1 }).remove()), 1],
  ]

  const returning = [
    ['updateAndReturn', async () => {
      const { updated: count, doc: after } = await main.where({ _id: 'a' }).updateAndReturn({ n: _.inc(0), fresh: 1 })
      return [count, after._id, after.fresh]
    }, [1, 'a', 1]],
    ['updateAndReturn of nobody', async () => {
      const { updated: count, doc: after } = await main.where({ _id: 'nobody' }).updateAndReturn({ n: 1 })
      return [count, after || null]
    }, [0, null]],
  ]
  const objectIds = [
    ['ObjectId', async () => {
      await main.add({ _id: 'ref', ref: db.ObjectId({ id: '5e6f0a1b2c3d4e5f60718293' }) })
      const found = await where({ ref: db.ObjectId({ id: '5e6f0a1b2c3d4e5f60718293' }) })
      await main.doc('ref').remove()
      return found
    }, ['ref']],
  ]
  const creating = [['doc.create', async () => {
    const done = await main.doc('made').create({ n: 1 })
    return [done.id, removed(await removeInside(main.doc('made')))]
  }, ['made', 1]]]

  return [
    { title: 'transactions', has: Boolean(db.startTransaction), rows: transactions },
    { title: 'lists', has: wx ? since(2) : true, rows: lists },
    { title: 'single', has: wx ? since(2, 1) : Boolean(main.options), rows: single },
    { title: 'returning', has: Boolean(main.updateAndReturn), rows: returning },
    { title: 'object ids', has: Boolean(db.ObjectId), rows: objectIds },
    { title: 'creating', has: !wx && Boolean(main.doc('x').create), rows: creating },
  ]
}

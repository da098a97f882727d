// Everything the client offers, the same on every host.

import { match, ok, same } from '../../compat/web/expect.mjs'
import { Steps } from '../../compat/web/steps.mjs'

/**
 * Runs every step on a host: `kind` names it, `clientOf(user)` is a client that is signed in, `fileOf(content)` what it
 * takes for a file, `textOf(path)` the content of what it downloaded.
 */
export async function run({ kind, clientOf, fileOf, textOf }, report) {
  const steps = new Steps()
  const step = (title, work) => steps.add(title, work)
  const assert = { equal: same, deepEqual: same, match, ok, notEqual: (one, two) => ok(one !== two, 'two different values') }

  const cloud = clientOf('ann')
  const other = clientOf('bob')
  const db = cloud.database()
  const _ = db.command
  const $ = _.aggregate
  const notes = db.collection('notes')
  const failing = async (promise) => {
    try {
      await promise
    } catch (error) {
      assert.equal(typeof error.errCode, 'number', String(error.stack))
      assert.equal(typeof error.errMsg, 'string')
      return error
    }
    throw new Error('should have failed')
  }
  const idsOf = (found) => found.data.map((item) => item._id)
  const state = {}

  step('add', async () => {
    const added = await notes.add({ data: { _id: 'a', n: 1, tags: ['x', 'y'], o: { p: { q: 1 } }, at: new Date(1000), gone: undefined } })
    same(added, { _id: 'a', errMsg: 'collection.add:ok' })
    const { _id } = await notes.add({ data: { n: 5, when: db.serverDate({ offset: -1000 }), where: db.Geo.Point(113, 23) } })
    assert.match(_id, /^[0-9a-f]{32}$/)
    state.made = _id
  })

  step('doc.get', async () => {
    const { data, errMsg } = await notes.doc('a').get()
    assert.equal(errMsg, 'document.get:ok')
    assert.equal(data.at.getTime(), 1000)
    assert.equal('gone' in data, false)
    assert.equal(typeof data._openid, 'string')
    state.openid = data._openid
    const made = (await notes.doc(state.made).get()).data
    assert.ok(Math.abs(made.when.getTime() - Date.now()) < 60_000)
    assert.deepEqual([made.where.longitude, made.where.latitude], [113, 23])
    const picked = (await notes.doc('a').field({ n: true }).get()).data
    same(picked, { _id: 'a', n: 1 })
  })

  step('a missing document', async () => {
    const error = await failing(notes.doc('nobody').get())
    assert.equal(error.errCode, -1)
    assert.match(error.errMsg, /^document\.get:fail document with _id nobody does not exist/)
  })

  step('a missing collection', async () => {
    const error = await failing(db.collection('nowhere').get())
    assert.equal(error.errCode, -502005)
    assert.match(error.errMsg, /^collection\.get:fail /)
    assert.match(error.message, /^errCode: -502005 database collection not exists \| errMsg: \[ResourceNotFound\] Db or Table not exist: nowhere/)
  })

  step('pages of twenty', async () => {
    await Promise.all(Array.from({ length: 25 }, (_item, i) => notes.add({ data: { _id: `p${String(i).padStart(2, '0')}`, page: true, i } })))
    assert.equal((await notes.where({ page: true }).get()).data.length, 20)
    assert.equal((await notes.where({ page: true }).limit(25).get()).data.length, 25)
    same(idsOf(await notes.where({ page: true }).orderBy('i', 'desc').skip(1).limit(2).get()), ['p23', 'p22'])
    same(await notes.where({ page: true }).count(), { total: 25, errMsg: 'collection.count:ok' })
  })

  step('conditions', async () => {
    const cases = [
      [{ n: _.gt(1) }, 1], [{ n: _.gt(0).and(_.lt(2)) }, 1], [{ n: _.gt(0).lt(9) }, 2], [{ n: _.eq(1).or(_.eq(5)) }, 2],
      [{ n: _.or(_.lt(2), _.gt(4)) }, 2], [_.or([{ n: 1 }, { n: 5 }]), 2], [_.or({ n: 1 }, { n: 7 }), 1],
      [_.and({ n: 1 }, { tags: 'x' }), 1], [{ n: _.in([1, 7]) }, 1], [{ n: _.nin([1, 5]), page: _.neq(true) }, 0],
      [{ o: { p: { q: 1 } } }, 1], [{ o: { p: { q: _.gte(2) } } }, 0], [{ 'o.p.q': 1 }, 1], [{ o: _.eq({ p: { q: 1 } }) }, 1],
      [{ tags: _.all(['y', 'x']) }, 1], [{ tags: _.size(2) }, 1], [{ tags: _.elemMatch(_.eq('y')) }, 1], [{ tags: 'x' }, 1],
      [{ n: _.exists(true) }, 2], [{ n: _.mod(2, 1) }, 2], [{ n: _.not(_.eq(1)), page: _.exists(false) }, 1],
      [{ n: _.not(_.or(_.eq(1), _.eq(2))), page: _.exists(false) }, 1], [_.nor([{ n: 1 }, { page: true }]), 1],
      [{ _id: /^P0/i }, 10], [{ _id: db.RegExp({ regexp: '^P1', options: 'i' }) }, 10], [_.expr($.gt(['$n', 4])), 1],
      [{ at: _.lt(new Date(2000)) }, 1], [{ when: _.lte(db.serverDate()) }, 1], [{ _openid: '{openid}', n: 1 }, 1],
      [{ where: _.geoWithin({ geometry: db.Geo.Polygon([db.Geo.LineString([[112, 22], [114, 22], [114, 24], [112, 22]].map(([x, y]) => db.Geo.Point(x, y)))]) }) }, 1],
    ]
    for (const [condition, expected] of cases) {
      assert.equal((await notes.where(condition).count()).total, expected, JSON.stringify(condition))
    }
  })

  step('changes', async () => {
    const doc = notes.doc('a')
    const change = (data) => doc.update({ data })
    same(await change({ n: _.inc(2), o: { p: { r: 2 } }, tags: _.push(['z', 'w']) }), { stats: { updated: 1 }, errMsg: 'document.update:ok' })
    await change({ tags: _.push({ each: ['first'], position: 0 }), m: _.mul(2), low: _.min(3) })
    await change({ tags: _.pull('w'), gone: 1, old: 'name' })
    await change({ gone: _.remove(), old: _.rename('renamed'), set: _.set({ whole: 1 }), tags: _.addToSet('z') })
    await change({ tags: _.addToSet({ each: ['x', 'v'] }) })
    const { data } = await doc.get()
    same([data.n, data.o, data.tags], [3, { p: { q: 1, r: 2 } }, ['first', 'x', 'y', 'z', 'v']])
    same([data.m, data.low, data.renamed, data.set, 'gone' in data], [0, 3, 'name', { whole: 1 }, false])
    await change({ tags: _.shift() })
    await change({ tags: _.unshift('u', 't') })
    await change({ tags: _.pop() })
    await change({ tags: _.pullAll(['x', 'y']) })
    same((await doc.get()).data.tags, ['u', 't', 'z'])
    same((await doc.field({ tags: _.project.slice(1) }).get()).data.tags, ['u'])
    same((await notes.doc('nobody').update({ data: { n: 1 } })).stats, { updated: 0 })
  })

  step('changes of many, set, remove', async () => {
    same(await notes.where({ page: true }).update({ data: { seen: true } }), { stats: { updated: 25 }, errMsg: 'collection.update:ok' })
    same(await notes.where({ i: _.gte(20) }).remove(), { stats: { removed: 5 }, errMsg: 'collection.remove:ok' })
    assert.equal((await failing(notes.update({ data: { n: 1 } }))).errCode, -401002)
    same(await notes.doc('s').set({ data: { n: 1 } }), { _id: 's', stats: { updated: 0, created: 1 }, errMsg: 'document.set:ok' })
    same(await notes.doc('s').set({ data: { m: 2 } }), { _id: 's', stats: { updated: 1, created: 0 }, errMsg: 'document.set:ok' })
    same((await notes.doc('s').get()).data, { _id: 's', _openid: state.openid, m: 2 })
    same(await notes.doc('s').remove(), { stats: { removed: 1 }, errMsg: 'document.remove:ok' })
  })

  step('aggregation', async () => {
    const found = await notes.aggregate().match({ i: _.lt(9) }).group({ _id: $.mod(['$i', 2]), sum: $.sum('$i'), ids: $.push('$_id') })
      .sort({ _id: 1 }).project({ ids: 0 }).end()
    same(found, { list: [{ _id: 0, sum: 20 }, { _id: 1, sum: 16 }], errMsg: 'collection.aggregate:ok' })
    const [first] = (await notes.aggregate().match({ _id: 'a' }).addFields({ year: $.year('$at'), big: $.cond({ if: $.gt(['$n', 2]), then: 'y', else: 'n' }) }).end()).list
    same([first.year, first.big, first.at], [1970, 'y', new Date(1000).toISOString()])
    assert.equal(typeof first.at.getTime, 'function')
    await db.collection('notes').add({ data: Object.fromEntries([['_id', 'more'], ['list', Array.from({ length: 30 }, (_item, i) => i)]]) })
    const unwound = notes.aggregate().match({ _id: 'more' }).unwind('$list')
    assert.equal((await unwound.end()).list.length, 20)
    assert.equal((await unwound.limit(100).end()).list.length, 30)
  })

  step('wrong data', async () => {
    const circle = {}
    circle.self = circle
    assert.equal((await failing(notes.add({ data: circle }))).errCode, -402001)
    assert.equal((await failing(notes.add({ data: { n: NaN } }))).errCode, -401003)
    assert.equal((await failing(notes.add({ data: { n: _.inc(1) } }))).errCode, -401003)
    assert.ok([-502003, -501007].includes((await failing(notes.add({ data: { _openid: 'me' } }))).errCode))
    assert.ok((await failing(notes.doc('a').update({ data: { _openid: 'me' } }))).errCode <= -501007)
    await failing(notes.add({ data: { _id: 'a' } }))
  })

  step('another user', async () => {
    const theirs = other.database().collection('notes')
    same((await theirs.get()).data, [])
    assert.equal((await failing(theirs.doc('a').get())).errCode, -1)
    same((await theirs.doc('a').update({ data: { n: 0 } })).stats, { updated: 0 })
    await theirs.add({ data: { _id: 'theirs', n: 1 } })
    const { data } = await theirs.get()
    assert.notEqual(data[0]._openid, state.openid)
    assert.equal((await notes.where({ _id: 'theirs' }).count()).total, 0)
  })

  step('callbacks', async () => {
    const called = await new Promise((resolve) => {
      const seen = []
      const returned = notes.doc('a').get({
        success: (result) => seen.push(['success', result.data._id]),
        fail: (error) => seen.push(['fail', error.errMsg]),
        complete: (result) => { seen.push(['complete', result.errMsg]); resolve([returned, seen]) },
      })
    })
    same(called[1], [['success', 'a'], ['complete', 'document.get:ok']])
    assert.equal(called[0], undefined)
    const error = await new Promise((resolve) => { cloud.callFunction({ name: 'nothing', fail: resolve }) })
    assert.equal(error.errCode, -501000)
    assert.match(error.errMsg, /^cloud\.callFunction:fail .*FunctionName parameter could not be found/)
  })

  step('functions', async () => {
    const { result, requestID, errMsg } = await cloud.callFunction({ name: 'echo', data: { a: 1, at: new Date(0), bytes: new Uint8Array([1, 2]).buffer } })
    same(result.event, { a: 1, at: '1970-01-01T00:00:00.000Z', bytes: { type: 'Buffer', data: [1, 2] } })
    assert.equal(result.openid, state.openid)
    assert.equal(errMsg, 'cloud.callFunction:ok')
    assert.ok(requestID)
    const error = await failing(cloud.callFunction({ name: 'echo', data: { fail: 'on purpose' } }))
    assert.equal(error.errCode, -404011)
    assert.match(error.errMsg, /^cloud\.callFunction:fail requestID .+, cloud function service error code -504002, error message [^]*on purpose/)
    assert.equal((await failing(cloud.callFunction({}))).errCode, -401003)
  })

  step('a large field of a call', async () => {
    if (kind === 'dd') return
    const { result } = await cloud.callFunction({ name: 'echo', data: { deep: [{ text: cloud.CDN('long text') }] } })
    const answer = await fetch(result.event.deep[0].text)
    assert.equal(await answer.text(), 'long text')
  })

  step('open data', async () => {
    const { result } = await cloud.callFunction({ name: 'echo', data: { phone: cloud.CloudID('secret'), plain: { cloudID: 'x' } } })
    assert.equal(result.event.phone.cloudID, 'secret')
    assert.equal(result.event.phone.data.phoneNumber, '13800000000')
    same(result.event.plain, { cloudID: 'x' })
  })

  step('upload', async () => {
    const progress = []
    const task = cloud.uploadFile({ cloudPath: '目录/a b.txt', filePath: fileOf('contents!') })
    task.onProgressUpdate((event) => progress.push(event))
    const done = await task
    assert.match(done.fileID, /^cloud:\/\/.+\..+\/目录\/a b\.txt$/)
    assert.equal(done.statusCode, 200)
    assert.equal(done.errMsg, 'cloud.uploadFile:ok')
    assert.equal(progress[progress.length - 1]?.progress ?? 100, 100)
    const { totalBytesSent, totalBytesExpectedToSend } = progress[0] ?? {}
    // A real browser counts the whole form.
    if (kind === 'chromium') ok(totalBytesSent > 9 && totalBytesExpectedToSend >= totalBytesSent, 'progress')
    else if (kind !== 'dd') same([totalBytesSent, totalBytesExpectedToSend], [9, 9])
    state.file = done.fileID
  })

  step('download', async () => {
    const { tempFilePath, statusCode, errMsg } = await cloud.downloadFile({ fileID: state.file })
    assert.equal(await textOf(tempFilePath), 'contents!')
    same([statusCode, errMsg], [200, 'cloud.downloadFile:ok'])
    assert.equal((await failing(cloud.downloadFile({ fileID: state.file + 'x' }))).errCode, -503003)
  })

  step('a task in callback style, and abort', async () => {
    const content = 'x'.repeat(2_000_000)
    const error = await new Promise((resolve, reject) => {
      const task = cloud.uploadFile({ cloudPath: 'aborted.txt', filePath: fileOf(content), success: () => reject(new Error('not aborted')), fail: resolve })
      task.abort()
    })
    assert.match(error.errMsg, /^cloud\.uploadFile:fail abort/)
  })

  step('addresses', async () => {
    const missing = state.file.replace('a b', 'nothing')
    const { fileList, errMsg } = await cloud.getTempFileURL({ fileList: [{ fileID: state.file, maxAge: 60 }, missing] })
    assert.equal(errMsg, 'cloud.getTempFileURL:ok')
    same([fileList[0].fileID, fileList[0].status, fileList[0].errMsg, fileList[0].maxAge], [state.file, 0, 'ok', 60])
    assert.equal(await (await fetch(fileList[0].tempFileURL)).text(), 'contents!')
    same([fileList[1].status, fileList[1].tempFileURL], [-503003, ''])
    const [first, second, third] = await cloud.resolve([state.file, '/local.png', state.file])
    assert.equal(await (await fetch(first)).text(), 'contents!')
    same([second, third, await cloud.resolve(state.file)], ['/local.png', first, first])
    assert.equal(await (await fetch(cloud.publicURL(state.file))).text(), 'contents!')
    assert.equal((await failing(cloud.getTempFileURL({ fileList: [] }))).errCode, -401002)
  })

  step('deletion', async () => {
    const stranger = await other.deleteFile({ fileList: [state.file] })
    assert.equal(stranger.fileList[0].status, -503002)
    const { fileList } = await cloud.deleteFile({ fileList: [state.file] })
    same(fileList, [{ fileID: state.file, status: 0, errMsg: 'ok' }])
    assert.notEqual((await cloud.getTempFileURL({ fileList: [state.file] })).fileList[0].status, 0)
  })

  step('containers', async () => {
    const error = await failing(cloud.callContainer({ path: '/' }))
    assert.match(error.errMsg, /^cloud\.callContainer:fail .*callFunction/)
  })

  /** A watch whose snapshots can be awaited one by one. */
  function watching(query) {
    const snapshots = []
    const waiting = []
    const take = (item) => (waiting.length ? waiting.shift()(item) : snapshots.push(item))
    const listener = query.watch({ onChange: take, onError: (error) => take({ error }) })
    return { next: () => new Promise((resolve) => (snapshots.length ? resolve(snapshots.shift()) : waiting.push(resolve))), close: () => listener.close() }
  }
  const changesOf = (snapshot) => snapshot.docChanges.map((one) => [one.dataType, one.queueType, one.docId])

  step('watching', async () => {
    const watch = watching(notes.where({ watched: true }))
    const first = await watch.next()
    same([first.type, first.docs, first.docChanges], ['init', [], []])
    await notes.add({ data: { _id: 'w', watched: true, at: new Date(5), o: { p: 1 } } })
    const added = await watch.next()
    same(changesOf(added), [['add', 'enqueue', 'w']])
    assert.equal(added.docs[0].at.getTime(), 5)
    assert.equal(added.type, undefined)
    await notes.doc('w').update({ data: { o: { q: 2 }, at: _.remove() } })
    const updated = await watch.next()
    same(changesOf(updated), [['update', 'update', 'w']])
    same(updated.docs[0], { _id: 'w', _openid: state.openid, watched: true, o: { p: 1, q: 2 } })
    same(updated.docChanges[0].removedFields, ['at'])
    same(added.docs[0].o, { p: 1 })
    await notes.doc('w').update({ data: { watched: false } })
    const left = await watch.next()
    same([changesOf(left), left.docs], [[['update', 'dequeue', 'w']], []])
    await watch.close()
  })

  step('watching one document, and two at once', async () => {
    const one = watching(notes.doc('w'))
    const two = watching(notes.where({ n: _.gt(0) }).orderBy('n', 'asc').limit(1))
    same((await one.next()).docs.map((doc) => doc._id), ['w'])
    same((await two.next()).docs.map((doc) => doc._id), ['a'])
    await notes.doc('w').remove()
    same(changesOf(await one.next()), [['remove', 'dequeue', 'w']])
    await one.close()
    await two.close()
  })

  step('watching what is not there', async () => {
    const { error } = await watching(db.collection('nowhere')).next()
    assert.equal(error.errCode, -402002)
    assert.match(error.errMsg, /DATABASE_COLLECTION_NOT_EXIST/)
  })

  await steps.run(report)
}

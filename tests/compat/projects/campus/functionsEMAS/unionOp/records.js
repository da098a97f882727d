const { within } = require('./_shared.js')
const isManager = require('./isManager.js')

const LEVEL = {
  add: { cat: 2, comment: 0, photo: 0, setting: 3 },
  update: { cat: 2, comment: 1, photo: 1, setting: 99 },
  remove: { cat: 99, comment: 1, photo: 1, setting: 99 },
  set: { cat: 2, setting: 1 },
  inc: { cat: 0, photo: 0 },
  read: { badge_code: 3, cat: 0 }
}
const AUTHOR_MAY = { remove: ['comment'] }

module.exports = async (ctx) => {
  const { openid, collection, operation, item_id: id, data } = ctx.args
  if (!openid) return
  const level = LEVEL[operation][collection]
  if (level === undefined) return { errMsg: 'unknown request', ok: false }
  const table = ctx.mpserverless.db.collection(collection)
  if (level && !(await isManager(within(ctx, { openid, req: level })))) {
    const { result: item } = await table.findOne({ _id: id })
    if (!(AUTHOR_MAY[operation] || []).includes(collection) || item?._openid !== openid) return { errMsg: 'not a manager', ok: false }
  }
  switch (operation) {
    case 'add':
      Object.assign(data, { _openid: openid, create_date: new Date(), mdate: data.mdate || new Date() })
      return await table.insertOne(data)
    case 'update': return await table.updateOne({ _id: id }, { $set: { ...data, mdate: new Date() } })
    case 'remove': return await table.deleteOne({ _id: id })
    case 'set': return await table.findOneAndUpdate({ _id: id }, { $set: data })
    case 'inc': return await table.updateOne({ _id: id }, { $inc: { popularity: 1 } })
    case 'read': return (await table.find({}, { skip: ctx.args.skip, limit: ctx.args.limit, sort: { mdate: -1 }, projection: ctx.args.projection })).result
  }
}

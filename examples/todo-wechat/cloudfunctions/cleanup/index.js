const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
const db = cloud.database()
const _ = db.command

const DAY = 24 * 3600 * 1000

// Runs every night (config.json). `days` is for calls by hand.
exports.main = async ({ days = 30 }) => {
  const before = new Date(Date.now() - days * DAY)
  const old = { done: true, doneAt: _.lt(before) }
  const { data } = await db.collection('todos').where(old).field({ photos: true }).limit(1000).get()
  const photos = data.flatMap((item) => item.photos || [])
  for (let start = 0; start < photos.length; start += 50) {
    await cloud.deleteFile({ fileList: photos.slice(start, start + 50) })
  }
  const ids = data.map((item) => item._id)
  const { stats } = await db.collection('todos').where({ _id: _.in(ids) }).remove()
  console.log(`removed ${stats.removed} items and ${photos.length} photos`)
  return { removed: stats.removed, photos: photos.length }
}

const PAGE = 2

module.exports = async (ctx) => {
  const photos = ctx.mpserverless.db.collection('photo')
  const now = new Date()
  const wanted = { mdate: { $gt: new Date(now.getFullYear(), now.getMonth(), 1) }, verified: true }
  const { result: count } = await photos.count(wanted)
  const pages = Array.from({ length: Math.ceil(count / PAGE) }, (_, page) =>
    photos.find(wanted, { projection: { _openid: 1, _id: 0 }, skip: page * PAGE, limit: PAGE }).then(found => found.result))
  const stat = {}
  for (const { _openid: openid } of (await Promise.all(pages)).flat()) {
    if (!openid) continue
    stat[openid] = { count: (stat[openid]?.count || 0) + 1 }
  }
  await ctx.mpserverless.db.collection('photo_rank').insertOne({ stat, mdate: now })
  const old = new Date()
  old.setDate(old.getDate() - 7)
  await ctx.mpserverless.db.collection('photo_rank').deleteMany({ mdate: { $lt: old } })
  return ;
}

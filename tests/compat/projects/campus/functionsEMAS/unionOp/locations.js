module.exports = async (ctx) => {
  const photos = ctx.mpserverless.db.collection('photo')
  const seen = { verified: true, deleted: { $ne: 1 }, latitude: { $ne: null } }
  const { result: latest } = await photos.aggregate([
    { $match: seen },
    { $sort: { shooting_date: -1, _id: -1 } },
    { $group: { _id: '$cat_id', latitude: { $first: '$latitude' }, time: { $first: '$shooting_date' } } }
  ])
  const { result: counts } = await photos.aggregate([
    { $match: seen },
    { $group: { _id: { cat_id: '$cat_id', date: '$shooting_date', lat: '$latitude' }, dummy: { $first: '$cat_id' } } },
    { $group: { _id: '$_id.cat_id', points: { $sum: 1 } } }
  ])
  const { result: cats } = await ctx.mpserverless.db.collection('cat')
    .find({ _id: { $in: latest.map(row => row._id) } }, { projection: { name: 1, campus: 1 } })
  return {
    success: true,
    data: latest.map(row => ({
      cat_id: row._id,
      latitude: row.latitude,
      time: row.time,
      points: counts.find(count => count._id === row._id).points,
      name: cats.find(cat => cat._id === row._id)?.name || ''
    }))
  }
}

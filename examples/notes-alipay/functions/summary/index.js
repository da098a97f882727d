// How many notes there are for each tag.
module.exports = async (ctx) => {
  const { result } = await ctx.mpserverless.db.collection('notes').aggregate([
    { $unwind: '$tags' },
    { $group: { _id: '$tags', notes: { $sum: 1 }, latest: { $max: '$updatedAt' } } },
    { $sort: { notes: -1, _id: 1 } }
  ])
  ctx.logger.info(`${result.length} tags`)
  return result.map(({ _id, notes }) => ({ tag: _id, notes }))
}

const cloud = require('wx-server-sdk')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
const db = cloud.database()
const $ = db.command.aggregate

exports.main = async () => {
  const { OPENID } = cloud.getWXContext()
  const { list } = await db.collection('todos').aggregate()
    .match({ _openid: OPENID })
    .group({ _id: '$category', total: $.sum(1), done: $.sum($.cond({ if: '$done', then: 1, else: 0 })) })
    .lookup({ from: 'categories', localField: '_id', foreignField: '_id', as: 'category' })
    .sort({ total: -1, _id: 1 })
    .end()
  const categories = list.map(({ _id, total, done, category }) => ({
    category: _id,
    name: category.length > 0 ? category[0].name : '未分类',
    total,
    done
  }))
  const sum = (field) => categories.reduce((total, row) => total + row[field], 0)
  return { total: sum('total'), done: sum('done'), categories }
}

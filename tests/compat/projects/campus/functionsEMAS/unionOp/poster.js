const fs = require('fs')
const os = require('os')
const path = require('path')

// Makes a picture in a temporary file and stores it under a name of its own choosing.
module.exports = async (ctx) => {
  const file = path.join(os.tmpdir(), `poster-${ctx.args.id}`)
  fs.writeFileSync(file, Buffer.from('not really a picture'))
  try {
    const { fileUrl, fileId } = await ctx.mpserverless.file.uploadFile({ filePath: file, cloudPath: `/poster/${ctx.args.id}.jpg` })
    await ctx.mpserverless.db.collection('cat').updateOne({ _id: ctx.args.id }, { $set: { poster: fileUrl } })
    return { fileUrl, fileId }
  } finally {
    fs.unlinkSync(file)
  }
}

exports.main = async () => {
  console.log('on my way')
  throw new Error('no luck')
}

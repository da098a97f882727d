export default async function (ctx) { return "for another cloud" }

// A list of named steps, and running it with a report for each.

const MOST_MS = 20000

export class Steps {
  constructor() { this.list = [] }

  /** Adds a step; `applies` says whether this SDK has what the step is about. */
  add(title, work, applies = true) {
    if (applies) this.list.push([title, work])
  }

  async run(report) {
    for (const [step, work] of this.list) {
      let error
      let timer
      const started = Date.now()
      const late = new Promise((_resolve, reject) => { timer = setTimeout(() => reject(new Error(`nothing came for ${MOST_MS} ms`)), MOST_MS) })
      try { await Promise.race([work(), late]) } catch (raised) { error = String((raised && raised.stack) || JSON.stringify(raised) || raised) }
      clearTimeout(timer)
      report({ step, ok: error === undefined, error, ms: Date.now() - started })
    }
  }
}

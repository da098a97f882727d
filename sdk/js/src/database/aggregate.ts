/** Aggregations. */

import { Callbacks, settle } from '../calls'
import { has } from '../objects'
import { Transport } from '../transport'
import { Pipeline } from './pipeline'
import { decode } from './values'

/** What `wx.cloud` returns of an aggregation without `limit`. */
const DEFAULT_LIMIT = 20

export class Aggregate extends Pipeline {
  constructor(
    private transport: () => Transport,
    private collectionName: string,
  ) {
    super()
  }

  end(options?: Callbacks<{ list: any[]; errMsg: string }>): Promise<{ list: any[]; errMsg: string }> {
    return settle('collection.aggregate', options, () => {
      const limited = this.stages.some((stage) => has(stage, '$limit'))
      const stages = (limited ? this.stages : this.stages.concat([{ $limit: DEFAULT_LIMIT }])).map((stage) => {
        const name = Object.keys(stage)[0]
        return { stageKey: name, stageValue: JSON.stringify(stage[name]) }
      })
      const params = { collectionName: this.collectionName, stages }
      return this.transport().call('database.aggregate', params).then((answer) => ({
        list: parsed(answer.data.list).map((item) => decode(typeof item === 'string' ? JSON.parse(item) : item)),
        errMsg: '',
      }))
    })
  }
}

function parsed(list: any): any[] {
  return typeof list === 'string' ? JSON.parse(list) : list
}

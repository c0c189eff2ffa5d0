import { canonicalJson } from '@rhei/expressions';
import { dataSheetOf } from './card/data-sheet';
import { dataSheetMarkdown } from './card/data-sheet-markdown';
import type { Facts } from './card/facts';
import { modelCardOf } from './card/model-card';
import { modelCardMarkdown } from './card/model-card-markdown';
import type { Deps } from './deps';
import { readHistories } from './history.store';
import { listPromotions, readVersion } from './model.store';

export interface Page { markdown: string; json: string }
export interface Named { model: string; version: number }

/** The model card of a version. Errors: `not_found`. */
export async function readModelCard(deps: Deps, named: Named): Promise<Page> {
  const card = modelCardOf(await factsOf(deps, named));
  return { markdown: modelCardMarkdown(card), json: canonicalJson(card) };
}

/** The data sheet of the training set of a version. Errors: `not_found`. */
export async function readDataSheet(deps: Deps, named: Named): Promise<Page> {
  const sheet = dataSheetOf(await factsOf(deps, named));
  return { markdown: dataSheetMarkdown(sheet), json: canonicalJson(sheet) };
}

async function factsOf({ database }: Deps, { model: name, version: number }: Named): Promise<Facts> {
  const { model, version } = await readVersion(database, name, number);
  const [histories, moves] = await Promise.all([readHistories(database, name), listPromotions(database, name)]);
  return { model, version, history: histories(name, number), moves };
}

/** The ids of retrieved documents, however they are given. */
import { wrongType } from '../../arguments.js';
import { jsonText } from '../json_text.js';

/** Names under which a document may carry its id, in the order in which they count. */
const ID_FIELDS = ['id', 'docId', 'documentId'];

/** The id of a document: a text or number itself, a field of an object, else its JSON text. */
export function documentId(name: string, document: unknown): string {
  if (typeof document === 'string') return document;
  if (typeof document === 'number' || typeof document === 'bigint') return String(document);
  if (typeof document === 'object' && document !== null) {
    for (const field of ID_FIELDS) {
      const id = (document as Record<string, unknown>)[field];
      if (typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint') return String(id);
    }
  }
  return jsonText(name, document);
}

/** The ids of a list of documents; one that is not in a list stands for a list of one. */
export function documentIds(name: string, documents: unknown, normalize: boolean): string[] {
  if (documents === null || documents === undefined) return wrongType(name, 'a list of documents', documents);
  const list: unknown[] = Array.isArray(documents) ? documents : [documents];
  const ids = list.map((document, i) => documentId(`${name}[${i}]`, document));
  return normalize ? ids.map((id) => id.trim().toLowerCase()) : ids;
}

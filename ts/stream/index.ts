/** Streams of dataset items in bounded memory, batches of test cases, writers of results. */
export { PreciseDate } from '../value/form.js';
export { BatchProcessor } from './batch_processor.js';
export type { BatchHandler, ProcessOptions } from './batch_run.js';
export { DatasetStream } from './dataset_stream.js';
export { FileResultWriter, type FileWriterOptions, type FileWriterStats } from './file_result_writer.js';
export type { FileOptions, InvalidRecord } from './file_source.js';
export { type BatchWriter, ResultWriter, type ResultWriterStats } from './result_writer.js';
export type { ItemSource, PipedStream, ReadableStreamLike } from './source.js';
export type { StreamConfig, StreamEvents, StreamStats } from './stream_config.js';
export type { ConsumeOptions } from './stream_core.js';

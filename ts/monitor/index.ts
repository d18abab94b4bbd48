export { type CacheFigures, renderDashboard } from './dashboard.js';
export { Measure } from './measure.js';
export {
  type BaselineStore,
  type BottleneckOptions,
  PerformanceMonitor,
  performanceMonitor,
  type RegressionThresholds,
  type Timer,
} from './performance_monitor.js';
export type {
  Bottleneck,
  CallTreeNode,
  ComponentTiming,
  EventLoopFigures,
  MemoryFigures,
  PerformanceBaseline,
  PerformanceMeasurement,
  PerformanceRegression,
  PerformanceReport,
  UnjudgedChange,
} from './report.js';
export { type Rating, rateTargets, type TargetRating } from './targets.js';

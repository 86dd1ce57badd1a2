export { type CostLine, flowCosts, type FlowUsage, type FunctionUsage, totalOf } from "./flow";
export { LOGS_BYTE } from "./prices";

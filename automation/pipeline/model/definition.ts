import type { DeliverySettings } from "../../settings";
import { repositorySource } from "./parts";
import type { RepositorySource } from "./types";

/** Key of the repository that holds Pulumi.delivery.yaml: the setting, or the only one that pipelines deliver. */
export function definitionOf({ definition, pipelines }: DeliverySettings): string | undefined {
  return definition ?? Object.values(pipelines)[0]?.repository;
}

/** Whether a pipeline's commits say what pipelines there are. A second one that deployed its own definition would undo the first one's. */
export function updatesPipelines(settings: DeliverySettings, name: string): boolean {
  return settings.pipelines[name]?.repository === definitionOf(settings);
}

/** What an update reads: its own repository, and those whose branches it looks for. */
export function updateSources(settings: DeliverySettings): RepositorySource[] {
  const watched = Object.values(settings.pipelines).filter(({ branches }) => branches !== undefined);
  const names = [definitionOf(settings) ?? [], ...watched.map(({ repository }) => repository)].flat();
  return [...new Set(names)].map((name) => repositorySource(settings, name));
}

/** Environments whose settings stand beside Pulumi.delivery.yaml: those of pipelines of its repository. */
export function environmentsBeside(settings: DeliverySettings): string[] {
  const own = Object.entries(settings.pipelines).filter(([name]) => updatesPipelines(settings, name));
  const names = own.flatMap(([, { waves, branches }]) => [
    ...waves.flat(),
    ...(branches ? [branches.environment] : []),
  ]);
  return [...new Set(names)].sort();
}

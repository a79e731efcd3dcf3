// What a dashboard of ours may be: Grafana's own types, with the panels that we use told apart by their type. `generate`
// makes a JSON Schema of it.
import * as common from '@grafana/schema/dist/esm/common/common.gen';
import * as dashboard from '@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen';
import * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import * as stateTimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import * as timeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// The types of Prometheus's data source are not in the package; these are the fields of a query that we set.
interface PrometheusQuery extends common.DataQuery {
  expr: string;
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
}

type PanelOf<Type extends string, Options, Custom> = Omit<
  dashboard.Panel,
  'type' | 'title' | 'options' | 'targets' | 'fieldConfig'
> & {
  type: Type;
  title: string;
  options: Options;
  targets: PrometheusQuery[];
  fieldConfig: Omit<dashboard.FieldConfigSource, 'defaults'> & {
    defaults: Omit<dashboard.FieldConfig, 'custom'> & { custom?: Custom };
  };
};

type Panel =
  | PanelOf<'stat', stat.Options, Record<string, never>>
  | PanelOf<'timeseries', timeSeries.Options, timeSeries.FieldConfig>
  | PanelOf<'table', table.Options, Partial<table.FieldConfig>>
  | PanelOf<'state-timeline', stateTimeline.Options, stateTimeline.FieldConfig>;

export type Dashboard = Omit<dashboard.Dashboard, 'panels'> & { panels: Array<Panel | dashboard.RowPanel> };

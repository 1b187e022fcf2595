// The blocks that we send, as https://docs.slack.dev/reference/block-kit/blocks describes them, read 2026-11-21. Own types, since
// the SDK's lack `offset` of lists.

export interface TextStyle {
  bold?: true;
  italic?: true;
  strike?: true;
  code?: true;
}

export type RichInline =
  | { type: 'text'; text: string; style?: TextStyle }
  | { type: 'link'; url: string; text?: string; style?: TextStyle };

export interface RichSection {
  type: 'rich_text_section';
  elements: RichInline[];
}

export type RichElement =
  | RichSection
  | { type: 'rich_text_quote'; elements: RichInline[] }
  | { type: 'rich_text_preformatted'; elements: RichInline[] }
  | {
      type: 'rich_text_list';
      style: 'bullet' | 'ordered';
      indent: number;
      /** How far the numbering begins after 1. */
      offset?: number;
      elements: RichSection[];
    };

export interface RichTextBlock {
  type: 'rich_text';
  elements: RichElement[];
}

export interface TableBlock {
  type: 'table';
  rows: RichTextBlock[][];
  column_settings: { is_wrapped: boolean }[];
}

export interface ActionsBlock {
  type: 'actions';
  elements: {
    type: 'button';
    action_id: string;
    text: { type: 'plain_text'; text: string; emoji: false };
    value: string;
  }[];
}

export type MessageBlock = RichTextBlock | TableBlock;

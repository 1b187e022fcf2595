// Looking back at conversations, put together with what it keeps in, who it tells and what it may cost.
import { reviewSettings } from '../../agent/review/config.ts';
import { openReviews, type Reviews } from '../../agent/review/review.ts';
import type { ReviewInput } from '../../agent/review/ports.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { ProcessDb } from '../../data/db.ts';
import { getPersonSettings } from '../../data/process/person-settings.ts';
import {
  lastAddress,
  listDueReviews,
  listUntoldPlaces,
  nextReviewAt,
  recoverReviews,
} from '../../data/process/review.ts';
import type { GatewayActions } from '../actions.ts';

export interface ReviewParts extends Pick<
  ReviewInput,
  'clock' | 'log' | 'meter' | 'memory' | 'skills' | 'revise' | 'agentSettings' | 'redact'
> {
  db: ProcessDb;
  loaded(): LoadedConfig;
  actions(): Pick<GatewayActions, 'post'>;
}

export function openConfiguredReviews({ loaded, actions, ...parts }: ReviewParts): Reviews {
  const { db } = parts;
  return openReviews({
    ...parts,
    settings() {
      const { review, skills } = loaded().config;
      return reviewSettings(review, skills.write_mode);
    },
    queue: {
      nextAt: () => nextReviewAt(db),
      listDue: (limit) => listDueReviews(db, limit),
      recover: (since) => recoverReviews(db, since),
      untold: () => listUntoldPlaces(db),
      lastAddress: (session) => lastAddress(db, session),
    },
    async post({ to, scope, text, key, buttons }) {
      await actions().post(to, text, { key, person: scope.person, kind: 'notice', buttons });
    },
    timezoneOf: async ({ person }) => (await getPersonSettings(db, person)).timezone ?? parts.agentSettings().timezone,
  });
}

import '@mantine/dates/styles.css';
import 'dayjs/locale/pt-br';
import { Button } from '@mantine/core';
import { DatePicker, DatesProvider } from '@mantine/dates';
import { useState } from 'react';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { dayRange, type StudyDates } from '../model/search';
import classes from './DateRange.module.css';

/** A calendar for the first and the last study date; loaded when it is first opened. */
export default function DateRange({ dates, onChange }: { dates: StudyDates; onChange: (dates: StudyDates) => void }) {
  const { t } = useTranslation('studies');
  const start = dayRange(dates, new Date());
  const [value, setValue] = useState<[string | null, string | null]>([start.from, start.to]);
  return (
    <DatesProvider settings={{ locale: currentLanguage() === 'pt' ? 'pt-br' : 'en', firstDayOfWeek: currentLanguage() === 'pt' ? 0 : 1 }}>
      <DatePicker
        type="range"
        allowSingleDateInRange
        hideOutsideDates
        classNames={{ day: classes.day }}
        ariaLabels={{
          previousMonth: t('calendar.previousMonth'),
          nextMonth: t('calendar.nextMonth'),
          previousYear: t('calendar.previousYear'),
          nextYear: t('calendar.nextYear'),
          previousDecade: t('calendar.previousYears'),
          nextDecade: t('calendar.nextYears'),
        }}
        value={value}
        onChange={(next) => {
          const [from, to] = next;
          setValue([from, to]);
          if (from !== null && to !== null) onChange({ from, to });
        }}
      />
      <Button variant="default" size="xs" fullWidth mt={8} onClick={() => onChange({ chip: 'any' })}>
        {t('find.clearDates')}
      </Button>
    </DatesProvider>
  );
}

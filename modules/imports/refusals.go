package imports

import "credlane/app/kit/fault"

// refusals documents every reason for which a file cannot be imported at all. The sentence of an answer says more: it names
// the row, the sheet or the part. A test reads the reader's source and wants each of its codes here.
var refusals = []*fault.Error{
	refused(codeAmbiguous, "The answer column can be read in two ways that give different right answers. Look at the readings and choose one with answerBase."),
	refused("columns_not_recognised", "No columns for a question and its answer were found. Name them in a header row, or give a mapping."),
	refused("damaged_file", "The file is damaged. Save it again in your spreadsheet program and upload that."),
	refused("damaged_workbook", "The workbook is damaged. Open it in your spreadsheet program, save it as a new .xlsx file, and upload that."),
	refused("duplicate_part", "The workbook holds one of its parts twice. Save it again in your spreadsheet program."),
	refused("edit_not_found", "An edit names a row that the file does not have. Check the row numbers of your edits."),
	refused("empty_file", "The file is empty. Upload a file with one question in each row."),
	refused("encrypted_part", "A part of the workbook is encrypted. Save it without encryption."),
	refused("field_too_large", "A field is larger than 64 KiB. Shorten it."),
	refused("invalid_mapping", "The mapping cannot be used. Send a JSON object from column to field."),
	refused(codeOption, "An option of the import cannot be used. Correct it."),
	refused("lock_file", "This is the temporary lock file of a spreadsheet program. Upload the workbook itself."),
	refused("nested_archive", "The workbook holds another archive. Save it again in your spreadsheet program."),
	refused("no_readable_sheet", "The workbook has no sheet that can be read. Save it again in your spreadsheet program."),
	refused("no_rows", "There is no question in the file. Put one question in each row."),
	refused("not_a_table", "The file is no table. Upload a CSV or XLSX file with one question in each row."),
	refused("not_a_workbook", "The file is not an Excel workbook. Save it as .xlsx or .csv."),
	refused("not_what_its_name_says", "The file is not what its name says. Give it the name that fits its content, or save it again."),
	refused("ods_file", "This is an OpenDocument spreadsheet. Save it as .xlsx or .csv."),
	refused("password_protected", "The workbook is protected by a password. Save it without one."),
	refused("row_too_large", "A row is larger than 256 KiB. Shorten its texts."),
	refused("sheet_not_found", "The workbook has no such visible sheet. Choose one of those listed."),
	refused("sheet_required", "Several sheets hold something. Choose one with sheet."),
	refused("string_too_large", "A text is larger than 64 KiB. Shorten it."),
	refused("too_many_columns", "The file has more than 200 columns. Delete those that belong to no question."),
	refused("too_many_parts", "The workbook has too many parts. Save its sheet alone as a new .xlsx file."),
	refused("too_many_rows", "The file has more than 50,000 rows. Split it."),
	refused("too_many_sheets", "The workbook has too many sheets. Save the one you want as a file of its own."),
	refused("too_many_strings", "The workbook holds too many texts. Save the sheet you want as a file of its own."),
	refused(codeTooLarge, "The questions hold more than 200 MiB of text. Split the file."),
	refused("truncated_workbook", "The workbook is incomplete. Upload it again."),
	refused("unclosed_quote", "A quotation mark is never closed. Close it, or save the file again as CSV."),
	refused("unknown_delimiter", "The delimiter is none of comma, semicolon and tab. Choose one of them."),
	refused("unknown_encoding", "The encoding is none that can be read. Save the file as UTF-8."),
	refused("unreadable_file", "The file cannot be read. Upload it again."),
	refused("unsafe_part_name", "A part of the workbook has an unsafe name. Save it again in your spreadsheet program."),
	refused("unusual_compression", "The workbook is compressed in an unusual way. Save it again in your spreadsheet program."),
	refused("workbook_too_big", "The workbook unpacks to more than 200 MiB. Split it."),
	refused("wrong_encoding", "The file is not in the encoding you named. Leave the option out, or name the right one."),
	refused("xls_file", "This is an Excel 97-2003 file. Save it as .xlsx."),
	refused("xlsb_file", "This is a binary workbook. Save it as .xlsx."),
}

func refused(code, message string) *fault.Error { return fault.New(fault.Invalid, code, message) }

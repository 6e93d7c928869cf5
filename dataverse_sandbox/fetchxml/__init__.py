"""FetchXML, Dataverse's own query language: read from XML or SQL, run as SQL over the store, shown as JSON.

query                        queries as data, free of XML and SQL
parsing                      XML to a query
tokens, select_reader, selects   the SDK's SELECT to the same query
sources, operators, dates, outputs, translation   a query to the parts of one statement of SQLite
access                       queries for other users' filters
execution, cookies           running it, page by page
answers                      rows to the body of an answer
"""
